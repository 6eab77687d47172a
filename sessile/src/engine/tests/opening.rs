//! Which session the cookies of a request open.

use super::*;

#[tokio::test]
async fn the_identical_cookie_twice_opens_the_session() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    world.store.take_counts();
    assert_eq!(world.n(&both(&cookie, &cookie)).await, Some(1));
    assert_eq!(world.store.take_counts(), (1, 0));
}

#[tokio::test]
async fn two_cookies_of_one_session_open_it_by_the_newest_secret() {
    let it = Renewed::new().await;
    for header in [both(&it.old, &it.new), both(&it.new, &it.old)] {
        assert_eq!(json(&it.world.open(&header).await), RENEWED);
    }
}

/// A cookie contains its time of issue, and the clocks of the servers differ.
#[tokio::test]
async fn the_newest_secret_counts_even_if_its_cookie_has_an_earlier_time() {
    let world = World::new(|_| {});
    let behind = ManualClock::starting_at(world.clock.now());
    world.clock.advance(Duration::from_secs(20));
    let old = world.stored().await;
    let server = world.beside(&behind, |_| {});
    let session = server.open(&old).await;
    increment(&session);
    session.renew();
    let new = server.commit(&session).await.unwrap();
    for header in [both(&old, &new), both(&new, &old)] {
        assert_eq!(world.n(&header).await, Some(2));
    }
}

#[tokio::test]
async fn the_cookie_of_a_live_session_counts_beside_one_of_an_ended_session() {
    let world = World::new(|_| {});
    let (ended, live) = (world.stored().await, world.stored().await);
    let session = world.open(&ended).await;
    session.purge();
    world.commit(&session).await;
    for header in [both(&ended, &live), both(&live, &ended)] {
        assert_eq!(world.id(&header).await, world.id(&live).await);
    }
}

#[tokio::test]
async fn of_three_live_guests_none_counts_and_nothing_is_lost() {
    let world = World::new(|_| {});
    let guests = [
        world.stored().await,
        world.stored().await,
        world.stored().await,
    ];
    let session = world.open(&guests.join("; ")).await;
    assert!(session.entries().is_empty() && session.id().is_none());
    session.insert("m", 1).unwrap();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(json(&world.open(&new).await), r#"{"m":1}"#);
    for guest in guests {
        assert_eq!(world.n(&guest).await, Some(1));
    }
}

#[tokio::test]
async fn the_only_signed_in_session_counts_beside_guests() {
    let world = World::new(|_| {});
    let (guest, user) = (world.stored().await, world.stored().await);
    world.sign_in(&user, "ferris").await;
    let id = world.id(&user).await;
    assert!(id.is_some());
    for header in [both(&guest, &user), both(&user, &guest)] {
        assert_eq!(world.id(&header).await, id);
    }
    assert_eq!(world.n(&guest).await, Some(1));
}

#[tokio::test]
async fn of_two_signed_in_sessions_none_counts() {
    let world = World::new(|_| {});
    let (one, other) = (world.stored().await, world.stored().await);
    world.sign_in(&one, "ferris").await;
    world.sign_in(&other, "corro").await;
    assert_eq!(world.id(&both(&one, &other)).await, None);
}

#[tokio::test]
async fn a_purge_of_the_signed_in_session_ends_the_guests_as_well() {
    let world = World::new(|_| {});
    let (guest, user) = (world.stored().await, world.stored().await);
    world.sign_in(&user, "ferris").await;
    let session = world.open(&both(&guest, &user)).await;
    session.purge();
    world.commit(&session).await;
    assert_eq!(
        (world.id(&guest).await, world.id(&user).await),
        (None, None)
    );
}

#[tokio::test]
async fn a_dead_secret_ends_nothing_beside_a_cookie_that_is_live() {
    for loading in [Loading::Eager, Loading::Lazy] {
        let it = Renewed::new().await;
        it.world.clock.advance(Duration::from_secs(60));
        let own = it.world.stored().await;
        let server = it
            .world
            .beside(&it.world.clock, |settings| settings.loading = loading);
        let session = server.open(&both(&own, &it.old)).await;
        session.purge();
        server.commit(&session).await;
        assert_eq!(it.world.id(&own).await, None);
        assert_eq!(it.state().await, RENEWED);
    }
}

#[cfg(feature = "cookie-session")]
mod in_a_cookie {
    use super::*;
    use crate::storage::CookieSessionStore;

    fn world(change: impl FnOnce(&mut Settings)) -> World<CookieSessionStore> {
        World::over(
            CookieSessionStore::default(),
            ManualClock::default(),
            change,
        )
    }

    #[tokio::test]
    async fn the_identical_cookie_of_actix_session_twice_opens_the_session() {
        let world = world(|_| {});
        let cookie = world.sealed_by_actix_session(r#"{"n":"1"}"#);
        assert_eq!(world.n(&both(&cookie, &cookie)).await, Some(1));
    }

    #[tokio::test]
    async fn a_state_of_actix_session_is_taken_over_unless_that_is_turned_off() {
        let world = world(|_| {});
        let cookie = world.sealed_by_actix_session(r#"{"n":"1"}"#);
        let session = world.open(&cookie).await;
        increment(&session);
        let ours = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&ours).await, Some(2));
        let strict = world.beside(&world.clock, |it| it.accept_actix_session_cookies = false);
        assert_eq!(strict.n(&cookie).await, None);
        assert_eq!(strict.n(&ours).await, Some(2));
    }

    #[tokio::test]
    async fn a_cookie_of_actix_session_beside_the_one_that_replaced_it_is_ignored() {
        let world = world(|_| {});
        let old = world.sealed_by_actix_session(r#"{"n":"1"}"#);
        let session = world.open(&old).await;
        increment(&session);
        let ours = world.commit(&session).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        for header in [both(&old, &ours), both(&ours, &old)] {
            assert_eq!(world.n(&header).await, Some(2));
        }
    }

    /// A session in a cookie that a later version sealed.
    async fn newer(world: &World<CookieSessionStore>) -> [String; 2] {
        let cookie = world.stored().await;
        let value = cookie.strip_prefix("id=").unwrap().as_bytes();
        let content = world.key.decrypt("id", value, |bytes| Some(bytes.to_vec()));
        let content = content.unwrap();
        let form = [&[4], &content[1..]].concat();
        let members = br#","crit":["new"],"new":1}"#;
        let critical = [&content[..content.len() - 1], members].concat();
        [form, critical].map(|content| {
            let mut value = String::new();
            world.key.encrypt("id", [&content, &[]], &mut value);
            format!("id={value}")
        })
    }

    #[tokio::test]
    async fn a_session_that_a_later_version_sealed_is_not_overwritten() {
        let world = world(|_| {});
        for cookie in newer(&world).await {
            let failure = world.manager.open([cookie.as_bytes()]).await.unwrap_err();
            assert_eq!(failure.status(), 503);
            assert!(matches!(
                open_cause(&failure),
                OpenError::Store(error) if error.kind() == crate::storage::StoreErrorKind::Newer
            ));
        }
    }

    #[tokio::test]
    async fn a_session_that_a_later_version_sealed_is_served_empty_and_kept() {
        let world = world(|settings| settings.on_store_failure = StoreFailurePolicy::ServeEmpty);
        for cookie in newer(&world).await {
            let session = world.open(&cookie).await;
            session.insert("m", 1).unwrap();
            assert_eq!(world.commit(&session).await, None);
        }
    }

    #[tokio::test]
    async fn a_session_that_a_later_version_sealed_can_be_purged_before_it_is_loaded() {
        let world = world(load_lazily);
        for cookie in newer(&world).await {
            let session = world.open(&cookie).await;
            session.purge();
            assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
            let session = world.open(&cookie).await;
            session.renew();
            assert_eq!(world.failure(&session).await.status(), 503);
        }
    }
}

/// A new session would replace the cookie, and a purge would have no effect.
#[tokio::test]
async fn a_key_that_a_later_version_sealed_is_not_overwritten() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let value = cookie.strip_prefix("id=").unwrap().as_bytes();
    let content = world.key.decrypt("id", value, |bytes| Some(bytes.to_vec()));
    let mut newer = String::from("id=");
    world
        .key
        .encrypt("id", [&[4], &content.unwrap()[1..]], &mut newer);
    let failure = world.manager.open([newer.as_bytes()]).await.unwrap_err();
    assert_eq!(failure.status(), 503);
    assert_eq!(world.n(&cookie).await, Some(1));
}
