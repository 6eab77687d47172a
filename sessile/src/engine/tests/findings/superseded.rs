//! Requests whose session another request renewed.
//!
//! | fault | tests |
//! | --- | --- |
//! | the insert of a request that was opened before a renewal is acknowledged and lost | `an_insert_is_refused`, `a_removal_is_refused`, `a_clear_is_refused`, `an_update_is_refused`, `a_save_is_refused_and_the_commit_after_it`, `a_reload_shows_nothing_of_the_renewed_session` |
//! | … for methods that ask for no change | `a_safe_method_is_served_and_its_changes_dropped`, `every_method_is_served_where_that_was_chosen`, `a_request_that_only_read_is_served` |
//! | a late write with the cookie from before gets a new session | `a_late_write_is_refused`, `a_late_write_by_a_safe_method_is_dropped`, `a_late_read_gets_nothing_and_no_cookie`, `a_late_purge_ends_the_session`, `a_late_restart_ends_the_session_and_begins_another`, `a_write_after_the_grace_period_begins_a_new_session`, `a_purge_after_the_grace_period_ends_nothing`, `a_purge_by_a_request_from_before_the_renewal_ends_the_session` |
//! | a 409 carries the cookie of an earlier save, and replaces the renewed one | `a_refusal_does_not_replace_the_renewed_cookie`, `a_failure_does_not_replace_the_renewed_cookie` |

use super::*;
use crate::config::SupersededPolicy;

const SUPERSEDED: SessionClosedError = SessionClosedError::Superseded;

async fn assert_refused(change: fn(&Session)) {
    let it = Renewed::new().await;
    change(&it.session);
    it.world.refused(&it.session, SUPERSEDED).await;
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn an_insert_is_refused() {
    assert_refused(|session| session.insert("m", 1).unwrap()).await;
}

#[tokio::test]
async fn a_removal_is_refused() {
    assert_refused(|session| assert!(session.remove("n").is_some())).await;
}

#[tokio::test]
async fn a_clear_is_refused() {
    assert_refused(Session::clear).await;
}

#[tokio::test]
async fn an_update_is_refused() {
    assert_refused(increment).await;
}

#[tokio::test]
async fn a_save_is_refused_and_the_commit_after_it() {
    let it = Renewed::new().await;
    increment(&it.session);
    let saved = it.session.save().await;
    assert!(matches!(saved, Err(SessionSaveError::Closed(SUPERSEDED))));
    let refused = it.session.insert("m", 1).unwrap_err().source;
    assert_eq!(refused, WriteError::Closed(SUPERSEDED));
    it.world.refused(&it.session, SUPERSEDED).await;
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_reload_shows_nothing_of_the_renewed_session() {
    let it = Renewed::new().await;
    increment(&it.session);
    for _ in 0..2 {
        let reloaded = it.session.reload().await;
        assert!(matches!(
            reloaded,
            Err(SessionReloadError::Closed(SUPERSEDED))
        ));
        assert_eq!(json(&it.session), r#"{"n":2}"#);
    }
    it.world.refused(&it.session, SUPERSEDED).await;
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_safe_method_is_served_and_its_changes_dropped() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        let it = Renewed::new().await;
        increment(&it.session);
        let answer = it.world.answer(&it.session, method).await;
        assert_eq!(answer.unwrap(), None, "{method}");
        assert_eq!(it.state().await, RENEWED);
    }
}

#[tokio::test]
async fn every_method_is_served_where_that_was_chosen() {
    let it = Renewed::with(|settings| settings.on_superseded = SupersededPolicy::Ignore).await;
    increment(&it.session);
    assert_eq!(it.world.commit(&it.session).await, None);
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_request_that_only_read_is_served() {
    let it = Renewed::new().await;
    assert_eq!(it.session.get("n").unwrap(), Some(1));
    assert_eq!(it.world.commit(&it.session).await, None);
}

#[tokio::test]
async fn a_late_write_is_refused() {
    let it = Renewed::new().await;
    let late = it.world.open(&it.old).await;
    assert!(late.entries().is_empty());
    late.insert("m", 1).unwrap();
    it.world.store.take_counts();
    it.world.refused(&late, SUPERSEDED).await;
    assert_eq!(it.world.store.take_counts(), (0, 0));
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_late_write_by_a_safe_method_is_dropped() {
    let it = Renewed::new().await;
    let late = it.world.open(&it.old).await;
    late.insert("m", 1).unwrap();
    assert_eq!(it.world.answer(&late, "GET").await.unwrap(), None);
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_late_read_gets_nothing_and_no_cookie() {
    let it = Renewed::with(touching).await;
    let late = it.world.open(&it.old).await;
    assert!(late.entries().is_empty() && late.id().is_none());
    assert_eq!(it.world.commit(&late).await, None);
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_late_purge_ends_the_session() {
    let it = Renewed::new().await;
    let late = it.world.open(&it.old).await;
    late.purge();
    assert_eq!(it.world.commit(&late).await.as_deref(), Some("id="));
    assert_eq!(it.state().await, "{}");
}

#[tokio::test]
async fn a_late_restart_ends_the_session_and_begins_another() {
    let it = Renewed::new().await;
    let late = it.world.open(&it.old).await;
    late.restart().unwrap();
    late.insert("message", "Goodbye!").unwrap();
    let cookie = it.world.commit(&late).await.unwrap();
    assert_eq!(it.state().await, "{}");
    let message = r#"{"message":"Goodbye!"}"#;
    assert_eq!(json(&it.world.open(&cookie).await), message);
}

#[tokio::test]
async fn a_write_after_the_grace_period_begins_a_new_session() {
    let it = Renewed::new().await;
    it.world.clock.advance(Duration::from_secs(60));
    let later = it.world.open(&it.old).await;
    later.insert("m", 1).unwrap();
    let cookie = it.world.commit(&later).await.unwrap();
    assert_eq!(json(&it.world.open(&cookie).await), r#"{"m":1}"#);
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_purge_after_the_grace_period_ends_nothing() {
    let it = Renewed::new().await;
    it.world.clock.advance(Duration::from_secs(60));
    let later = it.world.open(&it.old).await;
    later.purge();
    assert_eq!(it.world.commit(&later).await.as_deref(), Some("id="));
    assert_eq!(it.state().await, RENEWED);
}

/// However long that request takes.
#[tokio::test]
async fn a_purge_by_a_request_from_before_the_renewal_ends_the_session() {
    for lazily in [true, false] {
        let world = World::new(|settings| {
            if lazily {
                load_lazily(settings);
            }
        });
        let old = world.stored().await;
        let mut cookies = vec![old.clone()];
        if !lazily {
            // Those that were issued later are loaded first, and only three are.
            for _ in 0..3 {
                world.clock.advance(Duration::from_secs(1));
                cookies.push(world.stored().await);
            }
        }
        let slow = world.open(&cookies.join("; ")).await;
        let other = world.open(&old).await;
        other.load().await.unwrap();
        other.renew();
        let new = world.commit(&other).await.unwrap();
        world.clock.advance(Duration::from_secs(61));
        slow.purge();
        assert_eq!(world.commit(&slow).await.as_deref(), Some("id="));
        let opened = world.open(&new).await;
        opened.load().await.unwrap();
        assert_eq!(opened.get::<u32>("n").unwrap(), None, "{lazily}");
    }
}

/// A session whose save refreshed the cookie, and which another request renewed after that. It has an unstored
/// change. The cookie is the renewed one.
async fn saved_before_a_renewal() -> (World, Session, String) {
    let world = World::new(persistent);
    let old = world.stored().await;
    let (session, other) = (world.open(&old).await, world.open(&old).await);
    increment(&session);
    session.save().await.unwrap();
    other.renew();
    let new = world.commit(&other).await.unwrap();
    increment(&session);
    (world, session, new)
}

#[tokio::test]
async fn a_failure_does_not_replace_the_renewed_cookie() {
    let (world, session, _) = saved_before_a_renewal().await;
    world.store.inject(Fault::Fail);
    let failure = world.failure(&session).await;
    assert_eq!(
        (failure.status(), &failure.headers().set_cookie),
        (503, &None)
    );
}

#[tokio::test]
async fn a_refusal_does_not_replace_the_renewed_cookie() {
    let (world, session, new) = saved_before_a_renewal().await;
    world.refused(&session, SUPERSEDED).await;
    assert_eq!(world.n(&new).await, Some(2));
}
