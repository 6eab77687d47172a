//! Which responses carry a newer secret.

use super::*;

#[tokio::test]
async fn each_response_carries_the_pending_secret_until_it_is_presented() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    // That response was lost.
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(1));
        world.store.take_counts();
        let again = world.read(&first).await.unwrap();
        assert!(world.is_same(&again, &second));
        // The second load is the look at the epoch.
        assert_eq!(world.store.take_counts(), (2, 0));
        let again = world.write(&first).await.unwrap();
        assert!(world.is_same(&again, &second));
        assert_eq!(world.store.take_counts(), (1, 1));
    }
    assert_eq!(world.read(&second).await, None);
}

/// A response that was overtaken put the former secret back into the browser.
#[tokio::test]
async fn a_request_with_the_former_secret_gets_the_current_one_again() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    world.read(&second).await;
    for pause in [GRACE, Duration::from_secs(3)] {
        world.clock.advance(pause);
        let again = world.read(&first).await.unwrap();
        assert!(world.is_same(&again, &second));
    }
}

/// A secret that was issued long ago may just be about to be replaced by another server.
#[tokio::test]
async fn no_response_carries_a_secret_at_the_end_of_its_interval() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    world
        .clock
        .advance(INTERVAL - GRACE - Duration::from_millis(1));
    let again = world.read(&first).await.unwrap();
    assert!(world.is_same(&again, &second));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.read(&first).await, None);
    // After the interval another one takes its place.
    world.clock.advance(GRACE);
    let third = world.read(&first).await.unwrap();
    assert!(!world.is_same(&third, &second));
    assert!(world.is_open(&first).await && world.is_open(&third).await);
    assert!(!world.is_open(&second).await);
}

/// A rotation that begins with the former secret, because no request presented the current one again.
#[tokio::test]
async fn a_browser_that_keeps_the_former_secret_stays_signed_in() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    world.read(&second).await;
    let third = world.begun(&first).await;
    assert!(!world.is_same(&third, &second));
    assert!(!world.is_open(&second).await);
    assert_eq!(world.read(&third).await, None);
    world.clock.advance(GRACE);
    assert_eq!(world.read(&third).await, None);
    assert!(!world.is_open(&first).await);
}

/// The ring of keys changed after another server had begun the rotation.
#[tokio::test]
async fn a_pending_secret_that_no_key_derives_is_replaced_after_the_interval() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let id = world.id(&first).await.unwrap();
    world
        .rewrite(&id, |text| {
            let (head, tail) = text.split_once(r#","n":""#).unwrap();
            format!(r#"{head},"n":"AwAAAAAAAAAAAAAAAAAAAA{}"#, &tail[22..])
        })
        .await;
    world.store.take_counts();
    assert_eq!(world.read(&first).await, None);
    assert_eq!(world.store.take_counts(), (1, 0));
    assert_eq!(world.write(&first).await, None);

    // The digest tells that it is the pending one. The other server may have sent it.
    let third = world.begun(&first).await;
    assert!(!world.is_same(&third, &second));
    assert_eq!(world.read(&third).await, None);
    assert!(world.is_open(&first).await && !world.is_open(&second).await);
}

#[tokio::test]
async fn a_pending_secret_that_no_key_derives_is_accepted() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let id = world.id(&first).await.unwrap();
    world
        .rewrite(&id, |text| {
            let (head, tail) = text.split_once(r#","n":""#).unwrap();
            format!(r#"{head},"n":"AwAAAAAAAAAAAAAAAAAAAA{}"#, &tail[22..])
        })
        .await;
    assert_eq!(world.read(&second).await, None);
    // Nothing derives it again for a request with the former one, which opens the session nevertheless.
    assert_eq!(world.read(&first).await, None);
    let third = world.begun(&second).await;
    assert_eq!(world.read(&third).await, None);
}

#[tokio::test]
async fn a_secret_is_only_carried_if_its_nonce_is_known_to_be_stored() {
    for fault in [Fault::Fail, Fault::NotSent, Fault::DoAndFail] {
        let (world, first) = session().await;
        world.clock.advance(INTERVAL);
        world.store.inject(fault);
        assert_eq!(world.read(&first).await, None, "{fault:?}");

        world.store.take_counts();
        let second = world.read(&first).await.unwrap();
        // What landed is found, and is not stored again.
        let counts = match fault {
            Fault::DoAndFail => (2, 0),
            _ => (1, 1),
        };
        assert_eq!(world.store.take_counts(), counts, "{fault:?}");
        assert_eq!(world.read(&second).await, None);
    }
}

#[tokio::test]
async fn a_promotion_that_fails_fails_no_request() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    world.store.inject(Fault::Fail);
    assert_eq!(world.read(&second).await, None);
    // The next request takes it up.
    assert_eq!(world.read(&second).await, None);
    let again = world.read(&first).await.unwrap();
    assert!(world.is_same(&again, &second));
}

#[tokio::test]
async fn a_session_that_ended_during_the_request_is_not_rotated() {
    let (world, first) = session().await;
    world.clock.advance(INTERVAL);
    let reading = world.open(&first).await;
    let ending = world.open(&first).await;
    ending.purge();
    world.commit(&ending).await;
    assert_eq!(world.answer(&reading, "GET").await.unwrap(), None);
    assert!(!world.is_open(&first).await);
}

/// Of two cookies of one session, that with the newest secret counts.
#[tokio::test]
async fn the_pending_secret_is_preferred_if_both_are_presented() {
    for reverse in [false, true] {
        let (world, first) = session().await;
        let second = world.begun(&first).await;
        let header = match reverse {
            true => both(&second, &first),
            false => both(&first, &second),
        };
        assert_eq!(world.read(&header).await, None);
        world.clock.advance(GRACE);
        assert_eq!(world.read(&header).await, None);
        assert!(world.is_open(&second).await && !world.is_open(&first).await);
    }
}

/// The clock of one server is ahead by as much as the allowance permits.
#[tokio::test]
async fn servers_with_different_clocks_rotate_together() {
    let allow = |settings: &mut Settings| settings.clock_allowance = GRACE;
    let (world, first) = session_with(allow).await;
    let ahead = ManualClock::starting_at(world.clock.now().saturating_add(GRACE));
    let other = world.beside(&ahead, |settings| {
        rotating(settings);
        allow(settings);
    });
    for clock in [&world.clock, &ahead] {
        clock.advance(INTERVAL - GRACE);
    }
    // Due on the other server only.
    assert_eq!(world.read(&first).await, None);
    let second = other.read(&first).await.unwrap();
    let again = world.read(&first).await.unwrap();
    assert!(world.is_same(&again, &second));
    assert_eq!(world.read(&second).await, None);
    // The grace period counts from the promotion, with the allowance.
    ahead.advance(GRACE - Duration::from_millis(1));
    assert_eq!(other.read(&second).await, None);
    assert!(other.is_open(&first).await);
}
