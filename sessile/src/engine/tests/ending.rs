//! Ends and renewals, whatever is under way.

use super::*;

#[tokio::test]
async fn signing_out_wins_over_what_is_under_way() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (slow, renewing, out) = (
        world.open(&cookie).await,
        world.open(&cookie).await,
        world.open(&cookie).await,
    );
    out.purge();
    assert_eq!(world.commit(&out).await.as_deref(), Some("id="));

    increment(&slow);
    renewing.insert("user", "ferris").unwrap();
    renewing.renew();
    world.refused(&slow, SessionClosedError::Ended).await;
    world.refused(&renewing, SessionClosedError::Ended).await;
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn signing_out_wins_over_a_write_that_it_did_not_see() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (out, quick) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&quick);
    world.commit(&quick).await;
    out.purge();
    world.commit(&out).await;
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn an_old_key_never_reaches_what_was_stored_after_renewal() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (slow, login) = (world.open(&old).await, world.open(&old).await);
    login.insert("user", "ferris").unwrap();
    login.renew();
    let new = world.commit(&login).await.unwrap();
    assert_ne!(new, old);

    slow.insert("evil", 1).unwrap();
    world.refused(&slow, SessionClosedError::Superseded).await;
    assert!(world.open(&old).await.entries().is_empty());
    let session = world.open(&new).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert!(session.contains_key("user") && !session.contains_key("evil"));
}

#[tokio::test]
async fn a_renewal_takes_along_what_others_wrote_meanwhile() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (login, quick) = (world.open(&old).await, world.open(&old).await);
    increment(&quick);
    world.commit(&quick).await;
    login.renew();
    let new = world.commit(&login).await.unwrap();
    assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(2)));
}

#[tokio::test]
async fn a_session_saved_and_then_purged_leaves_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    session.purge();
    session.save().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Purged);
    assert_eq!(world.n(&cookie).await, None);
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
}

#[tokio::test]
async fn saving_and_reloading_an_ended_session_says_so() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (saving, reloading, out) = (
        world.open(&cookie).await,
        world.open(&cookie).await,
        world.open(&cookie).await,
    );
    out.purge();
    world.commit(&out).await;
    increment(&saving);
    let ended = SessionClosedError::Ended;
    assert!(matches!(saving.save().await, Err(SessionSaveError::Closed(why)) if why == ended));
    assert!(matches!(
        reloading.reload().await,
        Err(SessionReloadError::Closed(why)) if why == ended
    ));
    world.refused(&saving, ended).await;
    assert!(matches!(
        world.open("").await.reload().await,
        Err(SessionReloadError::NotStored)
    ));
}

#[tokio::test]
async fn signing_out_wins_over_a_renewal_that_was_under_way() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (out, login) = (world.open(&old).await, world.open(&old).await);
    login.insert("user", "ferris").unwrap();
    login.renew();
    let new = world.commit(&login).await.unwrap();
    out.purge();
    world.commit(&out).await;
    assert!(world.open(&new).await.entries().is_empty());
}

#[tokio::test]
async fn a_purge_is_not_forgotten_by_a_reload() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::DoAndFail);
    assert!(session.save().await.is_err());
    session.purge();
    session.reload().await.unwrap_err();
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_save_behind_one_that_found_the_session_ended_says_so_too() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, out) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&session);
    world.store.inject(Fault::Wait);
    let (first, second, ()) = tokio::join!(session.save(), session.save(), async {
        out.purge();
        world.commit(&out).await;
        world.store.go_on.notify_one();
    });
    for saved in [first, second] {
        assert!(matches!(
            saved,
            Err(SessionSaveError::Closed(SessionClosedError::Ended))
        ));
    }
}

#[tokio::test]
async fn a_slow_reader_does_not_replace_the_cookie_of_a_renewed_session() {
    let world = World::new(touching);
    let old = world.stored().await;
    let (reader, saver, login) = (
        world.open(&old).await,
        world.open(&old).await,
        world.open(&old).await,
    );
    increment(&saver);
    saver.save().await.unwrap();
    login.renew();
    assert!(world.commit(&login).await.is_some());
    assert_eq!(world.commit(&reader).await, None);
    assert_eq!(world.commit(&saver).await, None);
}

#[tokio::test]
async fn what_was_written_while_a_save_found_the_session_ended_starts_no_new_one() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, out) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&session);
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        increment(&session);
        out.purge();
        world.commit(&out).await;
        world.store.go_on.notify_one();
    });
    assert!(matches!(
        saved,
        Err(SessionSaveError::Closed(SessionClosedError::Ended))
    ));
    assert_eq!(session.status(), SessionStatus::Changed);
    world.store.take_counts();
    world.refused(&session, SessionClosedError::Ended).await;
    assert_eq!(world.store.take_counts(), (0, 0));
}

/// The time that it takes to end the sessions of planted cookies must not keep it alive.
#[tokio::test]
async fn a_purge_ends_the_session_of_the_request_first() {
    let world = World::new(|_| {});
    let (own, other) = (world.stored().await, world.stored().await);
    world.sign_in(&own, "ferris").await;
    let session = world.open(&both(&own, &other)).await;
    let id = session.id().unwrap();
    session.purge();
    let mut committing = pin!(world.answer(&session, "POST"));
    while world.store.memory.len() == 2 {
        let poll = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(committing.as_mut().poll(cx).is_ready())
        });
        assert!(!poll.await);
    }
    assert!(world.record(&id).await.is_none());
}

/// The touch finds no record, or one that was changed and ends right after that.
#[tokio::test]
async fn a_session_that_was_saved_and_ended_is_not_acknowledged_by_a_touch() {
    for was_changed in [false, true] {
        let world = World::new(|settings| {
            touching(settings);
            settings.touch_fraction = 0.0;
        });
        let session = world.open("").await;
        session.insert("n", 1).unwrap();
        session.save().await.unwrap();
        let id = session.id().unwrap();
        if was_changed {
            world.rewrite(&id, |text| text).await;
            world.store.inject_into_load(Fault::Wait);
        }
        let ending = async {
            while was_changed && world.store.take_counts().0 == 0 {
                tokio::task::yield_now().await;
            }
            world.store.memory.delete(&id).await.unwrap();
            world.store.go_on.notify_one();
        };
        let ended = SessionClosedError::Ended;
        match was_changed {
            true => drop(tokio::join!(world.refused(&session, ended), ending)),
            false => {
                ending.await;
                world.refused(&session, ended).await;
            }
        }
    }
}
