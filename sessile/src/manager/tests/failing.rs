//! A store that fails, hangs, or does what it is told and says otherwise.

use super::*;

#[tokio::test]
async fn a_failed_save_keeps_the_changes_for_the_commit() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Fail);
    assert!(session.save().await.is_err());
    assert_eq!(session.status(), SessionStatus::Changed);
    increment(&session);
    assert!(world.commit(&session).await.is_some());
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_never_made_twice() {
    for renewing in [false, true] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        if renewing {
            session.renew();
        }
        world.store.inject(Fault::DoAndFail);
        assert!(session.save().await.is_err());
        let error = world.manager.commit(&session).await.unwrap_err();
        assert!(matches!(error, CommitError::Uncertain), "{error:?}");
        if !renewing {
            assert_eq!(world.n(&cookie).await, Some(2));
        }
    }
}

#[tokio::test]
async fn a_save_that_nobody_waits_for_keeps_the_changes() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    session.renew();
    world.store.inject(Fault::Hang);
    let given_up = timeout::within(Duration::from_millis(1), session.save()).await;
    assert!(given_up.is_err());
    assert_eq!(session.status(), SessionStatus::Renewed);
    increment(&session);
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_not_waited_for() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Hang);
    let error = world.manager.commit(&session).await.unwrap_err();
    assert!(matches!(error, CommitError::Timeout { .. }) && error.is_store_failure());
    assert!(session.insert("n", 1).is_err());
}

#[tokio::test]
async fn a_reload_does_not_repeat_what_may_have_been_stored() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        world.store.inject(fault);
        assert!(session.save().await.is_err());
        let reloaded = session.reload().await;
        if fault == Fault::DoAndFail {
            assert!(matches!(reloaded, Err(SessionReloadError::Uncertain)));
            assert_eq!(session.status(), SessionStatus::Unchanged);
        } else {
            reloaded.unwrap();
        }
        assert_eq!(session.get("n").unwrap(), Some(2));
        session.save().await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(2));
        // What comes after is certain again.
        increment(&session);
        world.commit(&session).await;
        assert_eq!(world.n(&cookie).await, Some(3));
    }
}

#[tokio::test]
async fn a_refusal_by_the_engine_leaves_nothing_uncertain() {
    let world = World::new(|settings| settings.max_state_bytes = 40);
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", "x".repeat(20)).unwrap();
    other.insert("other", "x".repeat(20)).unwrap();
    world.commit(&one).await;
    assert!(other.save().await.is_err());
    other.insert("other", "x").unwrap();
    assert!(world.commit(&other).await.is_some());
    assert_eq!(world.open(&cookie).await.entries().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reload_waits_no_longer_than_the_timeout_for_its_turn() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    increment(&session);
    let _turn = session.flush(false).await;
    let reload = session.reload().await;
    assert!(matches!(
        reload,
        Err(SessionReloadError::Load(OpenError::Timeout { .. }))
    ));
}

#[tokio::test]
async fn what_does_not_fit_after_a_save_is_reported_by_the_commit_and_costs_no_key() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (session, other) = (world.open(&old).await, world.open(&old).await);
    other.insert("n", "text").unwrap();
    world.commit(&other).await;
    // A save is on its way when a handle adds an update that won't fit what it meets.
    session.renew();
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        increment(&session);
        world.store.go_on.notify_one();
    });
    saved.unwrap();
    let error = world.manager.commit(&session).await.unwrap_err();
    assert!(matches!(error, CommitError::Merge(_)), "{error:?}");
    let place = session.live().place.clone().unwrap();
    let loaded = world.store.load(&place.key).await.unwrap();
    assert!(loaded.is_some(), "the new key was lost");
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_fails_does_not_fail_a_request_that_is_served_anyway() {
    for fault in [Fault::Fail, Fault::Hang] {
        let world = World::new(|settings| {
            settings.on_store_failure = StoreFailurePolicy::ServeEmpty;
            settings.touch_fraction = 0.0;
            settings.lifecycle = PersistentSession::default()
                .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
                .into();
        });
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        world.store.inject(fault);
        assert_eq!(world.commit(&session).await, None);
    }
}

fn touching_browser_session(settings: &mut Settings) {
    settings.touch_fraction = 0.0;
    settings.lifecycle = crate::config::BrowserSession::default()
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
        .into();
}

#[tokio::test]
async fn a_cookie_that_is_due_goes_out_whatever_else_the_commit_does() {
    for conflicting in [false, true] {
        let world = World::new(touching_browser_session);
        let old = world.stored().await;
        let session = world.open(&old).await;
        session.renew();
        session.save().await.unwrap();
        if conflicting {
            session.live().place.as_mut().unwrap().version = Version::new(77);
        }
        let new = world.commit(&session).await.expect("the cookie was lost");
        assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(1)));
    }
}

#[tokio::test]
async fn a_cookie_that_is_due_goes_out_when_the_commit_fails() {
    for policy in [
        StoreFailurePolicy::default(),
        StoreFailurePolicy::ServeEmpty,
    ] {
        let world = World::new(|settings| {
            touching_browser_session(settings);
            settings.on_store_failure = policy;
        });
        let session = world.open(&world.stored().await).await;
        session.renew();
        session.save().await.unwrap();
        world.store.inject(Fault::Fail);
        let cookie = match world.manager.commit(&session).await {
            Ok(cookie) => cookie,
            Err(_) => world.manager.due_cookie(&session),
        };
        let cookie = cookie.expect("the cookie was lost");
        let header = cookie.as_str().split(';').next().unwrap();
        assert_eq!(world.n(header).await, Some(1));
    }
}
