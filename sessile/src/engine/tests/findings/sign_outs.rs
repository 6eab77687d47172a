//! Requests that end a session.
//!
//! | fault | tests |
//! | --- | --- |
//! | with a second, foreign cookie of the same name the session lives on | `a_purge_ends_the_session_beside_a_foreign_cookie`, `a_restart_ends_the_session_beside_a_foreign_cookie`, `a_purge_before_loading_ends_the_session_beside_a_foreign_cookie`, `a_purge_ends_both_sessions_of_two_cookies` |
//! | a value named `moved_to` redirects a purge with an old cookie | `a_value_of_the_application_does_not_decide_which_session_a_purge_ends` |
//! | a save reported that the session was renewed elsewhere, and the purge after it is ignored | `a_purge_after_a_refused_save_ends_the_session`, `a_restart_after_a_refused_save_ends_the_session`, `a_purge_after_a_discard_ends_the_session` |
//! | under `ServeEmpty` a purge is acknowledged with the store down | `a_purge_without_the_store_is_an_error`, `a_restart_without_the_store_is_an_error`, `a_purge_before_loading_without_the_store_is_an_error`, `a_purge_that_the_store_fails_is_an_error` |
//! | what is written after a purge is lost | `an_insert_after_a_purge_is_an_error`, `other_changes_after_a_purge_are_errors`, `a_restart_after_a_purge_begins_a_new_session` |

use super::*;

const FOREIGN: &str = "id=another+application's";

fn serve_empty(settings: &mut Settings) {
    settings.on_store_failure = StoreFailurePolicy::ServeEmpty;
}

#[tokio::test]
async fn a_purge_ends_the_session_beside_a_foreign_cookie() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    for header in [both(FOREIGN, &cookie), both(&cookie, FOREIGN)] {
        let session = world.open(&header).await;
        session.purge();
        assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
        assert_eq!(world.id(&cookie).await, None);
    }
}

#[tokio::test]
async fn a_restart_ends_the_session_beside_a_foreign_cookie() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&both(FOREIGN, &cookie)).await;
    session.restart().unwrap();
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
    assert_eq!(world.id(&cookie).await, None);
}

#[tokio::test]
async fn a_purge_before_loading_ends_the_session_beside_a_foreign_cookie() {
    let world = World::new(load_lazily);
    let cookie = world.stored().await;
    let session = world.open(&both(FOREIGN, &cookie)).await;
    session.purge();
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
    assert_eq!(world.beside(&world.clock, |_| {}).id(&cookie).await, None);
}

#[tokio::test]
async fn a_value_of_the_application_does_not_decide_which_session_a_purge_ends() {
    for name in ["moved_to", "moved_to_key"] {
        let world = World::new(|_| {});
        let (cookie, others) = (world.stored().await, world.stored().await);
        let other_id = world.id(&others).await.unwrap();
        let session = world.open(&cookie).await;
        session.insert(name, other_id.to_string()).unwrap();
        session.renew();
        let renewed = world.commit(&session).await.unwrap();

        // A tab that has the old cookie.
        let session = world.open(&cookie).await;
        session.purge();
        assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
        assert_eq!(world.n(&renewed).await, None, "{name}");
        assert_eq!(world.n(&others).await, Some(1), "{name}");
    }
}

#[tokio::test]
async fn a_purge_ends_both_sessions_of_two_cookies() {
    for loading in [Loading::Eager, Loading::Lazy] {
        let world = World::new(|_| {});
        let (one, other) = (world.stored().await, world.stored().await);
        let server = world.beside(&world.clock, |settings| settings.loading = loading);
        let session = server.open(&both(&one, &other)).await;
        session.purge();
        assert_eq!(server.commit(&session).await.as_deref(), Some("id="));
        assert_eq!((world.id(&one).await, world.id(&other).await), (None, None));
    }
}

async fn refused_save() -> Renewed {
    let it = Renewed::new().await;
    increment(&it.session);
    assert!(it.session.save().await.is_err());
    it
}

#[tokio::test]
async fn a_purge_after_a_refused_save_ends_the_session() {
    let it = refused_save().await;
    it.session.purge();
    assert_eq!(it.world.commit(&it.session).await.as_deref(), Some("id="));
    assert_eq!(it.state().await, "{}");
}

#[tokio::test]
async fn a_restart_after_a_refused_save_ends_the_session() {
    let it = refused_save().await;
    it.session.restart().unwrap();
    it.session.insert("m", 1).unwrap();
    let cookie = it.world.commit(&it.session).await.unwrap();
    assert_eq!(it.state().await, "{}");
    assert_eq!(json(&it.world.open(&cookie).await), r#"{"m":1}"#);
}

#[tokio::test]
async fn a_purge_after_a_discard_ends_the_session() {
    let it = refused_save().await;
    it.session.discard();
    it.session.purge();
    it.session.save().await.unwrap();
    assert_eq!(it.state().await, "{}");
    assert_eq!(it.world.commit(&it.session).await.as_deref(), Some("id="));
}

async fn assert_fails_without_the_store(change: impl FnOnce(&mut Settings), end: fn(&Session)) {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let server = world.beside(&world.clock, change);
    server.store.inject_into_load(Fault::Fail);
    let session = server.open(&cookie).await;
    end(&session);
    // A lazy session is first loaded by the commit.
    server.store.inject_into_load(Fault::Fail);
    let failure = server.failure(&session).await;
    assert!(matches!(cause(&failure), CommitError::Store(_)));
    assert_eq!(failure.status(), 503);
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_purge_without_the_store_is_an_error() {
    assert_fails_without_the_store(serve_empty, Session::purge).await;
}

#[tokio::test]
async fn a_restart_without_the_store_is_an_error() {
    assert_fails_without_the_store(serve_empty, |session| session.restart().unwrap()).await;
}

#[tokio::test]
async fn a_purge_before_loading_without_the_store_is_an_error() {
    let change = |settings: &mut Settings| {
        serve_empty(settings);
        load_lazily(settings);
    };
    assert_fails_without_the_store(change, Session::purge).await;
}

#[tokio::test]
async fn a_purge_that_the_store_fails_is_an_error() {
    let world = World::new(serve_empty);
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    session.purge();
    world.store.inject(Fault::Fail);
    assert_eq!(world.failure(&session).await.status(), 503);
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn an_insert_after_a_purge_is_an_error() {
    let session = purged().await;
    let refused = session.insert("flash", "Goodbye!").unwrap_err().source;
    assert_eq!(refused, WriteError::Closed(SessionClosedError::Purged));
}

#[tokio::test]
async fn other_changes_after_a_purge_are_errors() {
    let session = purged().await;
    let purged = SessionClosedError::Purged;
    let updated = session.update_or("n", 1, |n: u32| n).unwrap_err().source;
    assert_eq!(updated, WriteError::Closed(purged));
    assert_eq!(session.try_remove("n"), Err(purged.into()));
    assert_eq!(session.try_clear(), Err(purged.into()));
    assert_eq!(session.try_renew(), Err(purged));
}

#[tokio::test]
async fn a_restart_after_a_purge_begins_a_new_session() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let session = world.open(&old).await;
    session.purge();
    session.restart().unwrap();
    session.insert("flash", "Goodbye!").unwrap();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(world.id(&old).await, None);
    assert_eq!(json(&world.open(&new).await), r#"{"flash":"Goodbye!"}"#);
}

async fn purged() -> Session {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    session.purge();
    session
}
