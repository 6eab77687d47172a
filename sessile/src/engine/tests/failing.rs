//! A store that fails, hangs, or does what it is told and says otherwise.

use super::*;
use crate::session::FlushFor;

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
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn a_save_that_the_handler_does_not_wait_for_keeps_the_changes() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    increment(&session);
    session.renew();
    world.store.inject(Fault::Hang);
    let abandoned = clock::within(Duration::from_millis(1), session.save()).await;
    assert!(abandoned.is_err());
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
    let failure = world.failure(&session).await;
    assert!(matches!(cause(&failure), CommitError::Timeout { .. }));
    assert_eq!(failure.status(), 503);
    assert!(session.insert("n", 1).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_reload_waits_no_longer_than_the_timeout_for_a_save() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    increment(&session);
    let _save = session.flush(FlushFor::Save).await;
    let reload = session.reload().await;
    assert!(matches!(
        reload,
        Err(SessionReloadError::Load(OpenError::Timeout { .. }))
    ));
}

#[tokio::test]
async fn a_change_that_does_not_fit_after_a_save_is_reported_by_the_commit() {
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
    let cookie = world.merge_failure_cookie(&session).await;
    assert_eq!(world.id(&cookie).await, session.id());
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_fails_does_not_fail_a_request_that_is_served_anyway() {
    for fault in [Fault::Fail, Fault::Hang] {
        let world = World::new(|settings| {
            settings.on_store_failure = StoreFailurePolicy::ServeEmpty;
            settings.touch_fraction = 0.0;
            touching(settings);
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
    let world = World::new(touching_browser_session);
    let old = world.stored().await;
    let session = world.open(&old).await;
    session.renew();
    session.save().await.unwrap();
    let new = world.commit(&session).await.expect("the cookie is due");
    assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(1)));
}

#[tokio::test]
async fn a_cookie_that_is_due_goes_out_when_the_commit_fails() {
    for policy in [
        StoreFailurePolicy::default(),
        StoreFailurePolicy::ServeEmpty,
    ] {
        let world = World::new(|settings| settings.on_store_failure = policy);
        let session = world.open(&world.stored().await).await;
        session.renew();
        session.save().await.unwrap();
        increment(&session);
        world.store.inject(Fault::Fail);
        let failure = world.failure(&session).await;
        let cookie = failure.headers().set_cookie.as_ref();
        let cookie = sent_back(cookie.expect("the cookie is due"));
        assert_eq!(world.n(&cookie).await, Some(1));
    }
}

#[tokio::test]
async fn a_restart_whose_new_session_cannot_be_stored_removes_the_cookie() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    session.restart().unwrap();
    session.insert("message", "Goodbye!").unwrap();
    let id = world.id(&cookie).await.unwrap();
    let committing = world.failure(&session);
    let failing = async {
        // The old session is deleted before the new one is created.
        while world.record(&id).await.is_some() {
            tokio::task::yield_now().await;
        }
        world.store.inject(Fault::Fail);
    };
    let (failure, ()) = tokio::join!(biased; committing, failing);
    assert_eq!(failure.status(), 503);
    let cookie = failure.headers().set_cookie.as_ref().unwrap();
    assert_eq!(sent_back(cookie), "id=");
}
