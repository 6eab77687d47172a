//! Sessions in cookies, and a list of those that have ended.

mod costs;
mod failures;
mod marks;
mod racing;

use super::*;
use crate::{
    error::{OpenError, SignInError},
    storage::{AnySessionStore, CookieSessionStore, Refusal, RevocationList, SessionLimit},
};

/// A server whose sessions are in cookies, and whose list is in a store that fails on request.
struct Listed {
    world: World<CookieSessionStore>,
    list: Arc<Faulty>,
}

impl Listed {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_staleness(Duration::ZERO, change)
    }

    fn with_staleness(max_staleness: Duration, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ManualClock::default();
        let list = Arc::new(Faulty::new(&clock));
        let revocations = RevocationList::new(Arc::clone(&list)).max_staleness(max_staleness);
        let store = CookieSessionStore::with_revocations(revocations);
        Self {
            world: World::over(store, clock, change),
            list,
        }
    }

    /// Another server of the application, with this clock.
    fn beside(&self, clock: &ManualClock, change: impl FnOnce(&mut Settings)) -> Self {
        let list = Arc::clone(&self.list);
        let store = CookieSessionStore::with_revocations(RevocationList::new(Arc::clone(&list)));
        let mut settings = Settings::default().clock(clock.clone());
        change(&mut settings);
        let key = self.world.key.clone();
        let manager = SessionManager::new(store.clone(), key.clone(), settings).unwrap();
        let world = World {
            manager,
            store,
            clock: clock.clone(),
            key,
        };
        Self { world, list }
    }

    fn tick(&self) {
        self.world.clock.advance(Duration::from_millis(1));
    }

    async fn open(&self, cookie: &str) -> Session {
        self.world.open(cookie).await
    }

    /// Signs a user in, in a request of its own; the cookie.
    async fn signed_in(&self, subject: &str) -> String {
        self.tick();
        let session = self.open("").await;
        session.sign_in(subject).await.unwrap();
        self.world.commit(&session).await.unwrap()
    }

    /// Signs out, in a request of its own.
    async fn purge(&self, cookie: &str) {
        let session = self.open(cookie).await;
        session.purge();
        self.world.commit(&session).await;
    }

    /// Renews the session, in a request of its own; the new cookie.
    async fn renew(&self, cookie: &str) -> String {
        let session = self.open(cookie).await;
        session.renew();
        self.world.commit(&session).await.unwrap()
    }
}

#[tokio::test]
async fn a_copy_of_a_cookie_opens_nothing_after_the_sign_out() {
    for change in [|_: &mut Settings| {}, load_lazily] {
        let listed = Listed::new(change);
        let cookie = listed.world.stored().await;
        let other = listed.world.stored().await;
        listed.purge(&cookie).await;
        for (cookie, n) in [(&cookie, None), (&other, Some(1))] {
            let session = listed.open(cookie).await;
            session.load().await.unwrap();
            assert_eq!(session.get::<u32>("n").unwrap(), n);
        }
    }
}

#[tokio::test]
async fn a_sign_out_ends_all_sessions_whose_cookies_came() {
    let listed = Listed::new(|_| {});
    let (one, other) = (
        listed.world.stored().await,
        listed.signed_in("ferris").await,
    );
    listed.purge(&both(&one, &other)).await;
    assert_eq!(listed.world.n(&one).await, None);
    assert_eq!(listed.open(&other).await.subject(), None);
}

#[tokio::test]
async fn a_restart_ends_the_session_and_begins_another() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let session = listed.open(&old).await;
    session.restart().unwrap();
    session.insert("goodbye", 1).unwrap();
    let new = listed.world.commit(&session).await.unwrap();
    assert_eq!(listed.world.n(&old).await, None);
    assert_eq!(json(&listed.open(&new).await), r#"{"goodbye":1}"#);
}

#[tokio::test]
async fn after_a_renewal_the_old_cookie_is_stale_and_then_dead() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let id = listed.world.id(&old).await;
    let new = listed.renew(&old).await;
    assert_ne!(listed.world.id(&new).await, id);
    assert_eq!(listed.world.n(&new).await, Some(1));

    let late = listed.open(&old).await;
    assert_eq!(late.get::<u32>("n").unwrap(), None);
    late.insert("n", 2).unwrap();
    listed
        .world
        .refused(&late, SessionClosedError::Superseded)
        .await;

    // The grace period with the allowance for clocks.
    listed.world.clock.advance(Duration::from_secs(60));
    let late = listed.open(&old).await;
    assert_eq!(late.get::<u32>("n").unwrap(), None);
    late.insert("n", 2).unwrap();
    let another = listed.world.commit(&late).await.unwrap();
    assert_ne!(listed.world.id(&another).await, listed.world.id(&new).await);
    assert_eq!(listed.world.n(&new).await, Some(1));
}

#[tokio::test]
async fn the_cookie_from_before_a_renewal_can_end_the_session() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let new = listed.renew(&old).await;
    listed.purge(&old).await;
    assert_eq!(listed.world.n(&new).await, None);
}

#[tokio::test]
async fn a_cookie_from_before_the_list_was_set_up_can_be_ended() {
    let clock = ManualClock::default();
    let world = World::over(CookieSessionStore::default(), clock.clone(), |_| {});
    let (cookie, other) = (world.stored().await, world.stored().await);

    let mut listed = Listed::new(|_| {});
    listed.world.key = world.key.clone();
    let listed = listed.beside(&clock, |_| {});
    assert_eq!(listed.world.n(&cookie).await, Some(1));
    listed.purge(&cookie).await;
    assert_eq!(listed.world.n(&cookie).await, None);
    assert_eq!(listed.world.n(&other).await, Some(1));
}

#[tokio::test]
async fn a_cookie_of_actix_session_can_be_ended() {
    let listed = Listed::new(|_| {});
    let sealed = |state: &str| listed.world.sealed_by_actix_session(state);
    let [ended, renewed, kept] = [r#"{"n":"1"}"#, r#"{"n":"2"}"#, r#"{"n":"3"}"#].map(sealed);
    let id = listed.world.id(&kept).await;
    assert_eq!(listed.world.id(&kept).await, id);
    listed.purge(&ended).await;
    assert_eq!(listed.world.n(&ended).await, None);
    let new = listed.renew(&renewed).await;
    assert_eq!(listed.world.n(&renewed).await, None);
    assert_eq!(listed.world.n(&new).await, Some(2));

    assert_eq!(listed.world.n(&kept).await, Some(3));
    let sessions = listed.world.manager.sessions();
    sessions.end_everything().await.unwrap();
    listed.tick();
    assert_eq!(listed.world.n(&kept).await, None);
}

#[tokio::test]
async fn an_id_is_ended_by_an_administrator() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let session = listed.open(&cookie).await;
    let sessions = listed.world.manager.sessions();
    sessions.end_by_id(&session.id().unwrap()).await.unwrap();
    assert_eq!(listed.world.n(&cookie).await, None);
    // A long request or a socket learns it.
    assert!(session.reload().await.is_err());
    session.insert("n", 2).unwrap_err();
}

#[tokio::test]
async fn without_a_list_nothing_is_ended_silently() {
    let sessions = crate::Sessions::new(CookieSessionStore::default());
    let id = SessionId::generate();
    for error in [
        sessions.end_by_id(&id).await.unwrap_err(),
        sessions.end_all("ferris").await.unwrap_err(),
        sessions.end_everything().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), crate::storage::StoreErrorKind::Unsupported);
    }
}

#[test]
fn what_needs_a_list_of_sessions_or_secrets_is_refused() {
    let build = |store: AnySessionStore, settings, limiter| {
        SessionManager::with(store, SealingKey::generate(), settings, limiter).err()
    };
    let listed = |store| {
        let list = RevocationList::new(store);
        AnySessionStore::new(CookieSessionStore::with_revocations(list))
    };
    let memory = AnySessionStore::with_subjects(MemorySessionStore::default());
    let limiter = SessionLimit::new(1).map(Limiter::new);
    let refused = build(listed(memory.clone()), Settings::default(), limiter);
    assert_eq!(refused, Some(SettingsError::NoSubjects));

    let rotating = Settings {
        rotation_interval: Some(Duration::from_secs(3600)),
        ..Settings::default()
    };
    let refused = build(listed(memory.clone()), rotating, None);
    assert_eq!(refused, Some(SettingsError::NoSecrets));

    let without_marks = AnySessionStore::new(MemorySessionStore::default());
    let refused = build(listed(without_marks), Settings::default(), None);
    assert_eq!(refused, Some(SettingsError::NoMarks));
    assert_eq!(build(listed(memory), Settings::default(), None), None);
}
