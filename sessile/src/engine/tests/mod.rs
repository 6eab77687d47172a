//! The engine on real stores that fail on request, and on stores that answer nonsense.

mod actix_sessions;
mod administration;
mod bad_input;
mod closing;
mod closures;
mod combining;
mod csrf;
mod dropped;
mod edges;
mod ending;
mod events;
mod failing;
mod findings;
mod flashes;
mod lifetimes;
mod merging;
#[cfg(feature = "metrics")]
mod metrics;
mod opening;
mod random;
#[cfg(feature = "cookie-session")]
mod revocations;
mod rotation;
mod saving;
mod settings;
mod sign_in;
mod store;
mod typed;
mod unknown;
mod users;

use std::{pin::pin, time::Duration};

use self::store::{Fault, Faulty};
use super::*;
use crate::{
    Session, SessionStatus,
    clock::{self, Clock as _, ManualClock, Timestamp},
    config::{
        CookieContentSecurity, Loading, PersistentSession, StoreFailurePolicy, TtlExtensionPolicy,
    },
    error::{
        CommitError, OpenError, SessionClosedError, SessionReloadError, SessionSaveError,
        WriteError,
    },
    record::Record,
    storage::{BoxFuture, Freshness, Loaded, MemorySessionStore, SessionId, Version},
};

/// A server, and a browser that keeps its cookie.
struct World<S = Arc<Faulty>> {
    manager: SessionManager<S>,
    store: S,
    clock: ManualClock,
    key: SealingKey,
}

impl World {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ManualClock::default();
        Self::over(Arc::new(Faulty::new(&clock)), clock, change)
    }

    /// The record of the session with this id.
    async fn record(&self, id: &SessionId) -> Option<Record> {
        let loaded = self.store.memory.load(id, None, Freshness::Current).await;
        loaded.unwrap().map(|loaded| loaded.record)
    }

    /// Puts another text in place of the record of the session with this id.
    async fn rewrite(&self, id: &SessionId, rewrite: impl FnOnce(String) -> String) {
        let memory = &self.store.memory;
        let loaded = memory.load(id, None, Freshness::Current).await.unwrap();
        let Loaded { record, version } = loaded.expect("there is a record");
        let record = Record::decode(rewrite(record.encode()).as_bytes()).unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        let updating = memory.update(id, version, &record, Version::generate(), day);
        updating.await.unwrap();
    }

    /// Signs the session of this cookie in as `user`.
    async fn sign_in(&self, cookie: &str, user: &str) {
        let id = self.id(cookie).await.unwrap();
        let member = format!(r#","sub":"{user}"}}"#);
        self.rewrite(&id, |text| text[..text.len() - 1].to_owned() + &member)
            .await;
    }
}

impl<S: SessionStore + Clone> World<S> {
    fn over(store: S, clock: ManualClock, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default().clock(clock.clone());
        change(&mut settings);
        let key = SealingKey::generate();
        let manager = SessionManager::new(store.clone(), key.clone(), settings).unwrap();
        Self {
            manager,
            store,
            clock,
            key,
        }
    }

    /// Another server of the same application, with this clock.
    fn beside(&self, clock: &ManualClock, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default().clock(clock.clone());
        change(&mut settings);
        let (store, key) = (self.store.clone(), self.key.clone());
        let manager = SessionManager::new(store.clone(), key.clone(), settings).unwrap();
        Self {
            manager,
            store,
            clock: clock.clone(),
            key,
        }
    }

    /// The cookie in which actix-session seals `content` with the key of this world.
    fn sealed_by_actix_session(&self, content: &str) -> String {
        let mut jar = cookie::CookieJar::new();
        let key = self.key.master();
        let cookie = cookie::Cookie::new("id", content.to_owned());
        jar.private_mut(key).add(cookie);
        format!("id={}", jar.get("id").unwrap().value())
    }

    async fn open(&self, cookie: &str) -> Session {
        self.manager.open([cookie.as_bytes()]).await.unwrap()
    }

    /// Answers a `POST`; the cookie that its response sets, as a browser sends it back.
    async fn commit(&self, session: &Session) -> Option<String> {
        self.answer(session, "POST").await.unwrap()
    }

    async fn answer(
        &self,
        session: &Session,
        method: &str,
    ) -> Result<Option<String>, SessionFailure> {
        let headers = self
            .manager
            .commit(session, &ResponseHead::to(method))
            .await?;
        Ok(headers.set_cookie.as_ref().map(sent_back))
    }

    async fn failure(&self, session: &Session) -> SessionFailure {
        self.answer(session, "POST").await.unwrap_err()
    }

    /// Checks that a `POST` is refused with 409 for this reason, and with no cookie.
    async fn refused(&self, session: &Session, expected: SessionClosedError) {
        let failure = self.failure(session).await;
        assert!(
            matches!(cause(&failure), CommitError::Closed(reason) if *reason == expected),
            "{failure:?}"
        );
        assert_eq!(failure.status(), 409);
        assert_eq!(failure.headers().set_cookie, None);
    }

    /// Checks that a `POST` fails because its changes can't be merged. The cookie that the failure sends
    /// anyway.
    async fn merge_failure_cookie(&self, session: &Session) -> String {
        let failure = self.failure(session).await;
        assert!(
            matches!(cause(&failure), CommitError::Merge(_)),
            "{failure:?}"
        );
        let cookie = failure.headers().set_cookie.as_ref();
        sent_back(cookie.expect("the browser gets the new cookie"))
    }

    /// A stored session with `n` = 1, as the cookie that names it.
    async fn stored(&self) -> String {
        let session = self.open("").await;
        session.insert("n", 1).unwrap();
        self.commit(&session).await.unwrap()
    }

    async fn n(&self, cookie: &str) -> Option<u32> {
        self.open(cookie).await.get("n").unwrap()
    }

    async fn id(&self, cookie: &str) -> Option<SessionId> {
        self.open(cookie).await.id()
    }
}

/// Two requests with the same cookie. `other` renewed the session, and its response set a new cookie.
struct Renewed {
    world: World,
    old: String,
    new: String,
    session: Session,
}

impl Renewed {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let world = World::new(change);
        let old = world.stored().await;
        let (session, other) = (world.open(&old).await, world.open(&old).await);
        world.clock.advance(Duration::from_secs(1));
        other.insert("user", "ferris").unwrap();
        other.renew();
        let new = world.commit(&other).await.unwrap();
        Self {
            world,
            old,
            new,
            session,
        }
    }

    /// The state that the new cookie opens.
    async fn state(&self) -> String {
        json(&self.world.open(&self.new).await)
    }
}

const RENEWED: &str = r#"{"n":1,"user":"ferris"}"#;

/// The state of a session as JSON text, its names in order.
fn json(session: &Session) -> String {
    let entries: std::collections::BTreeMap<_, _> = session.entries().into_iter().collect();
    serde_json::to_string(&entries).unwrap()
}

fn increment(session: &Session) {
    session.update("n", |n: u32| n + 1).unwrap();
}

fn sent_back(set_cookie: &crate::engine::SetCookie) -> String {
    set_cookie.as_str().split(';').next().unwrap().to_owned()
}

/// The `Cookie` header with both cookies.
fn both(one: &str, other: &str) -> String {
    format!("{one}; {other}")
}

fn cause(failure: &SessionFailure) -> &CommitError {
    let source = std::error::Error::source(failure).unwrap();
    source.downcast_ref().expect("it is of a commit")
}

fn open_cause(failure: &SessionFailure) -> &OpenError {
    let source = std::error::Error::source(failure).unwrap();
    source.downcast_ref().expect("it is of an opening")
}

fn persistent(settings: &mut Settings) {
    settings.lifecycle = PersistentSession::default().into();
}

fn touching(settings: &mut Settings) {
    settings.lifecycle = PersistentSession::default()
        .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
        .into();
}

fn load_lazily(settings: &mut Settings) {
    settings.loading = Loading::Lazy;
}

#[tokio::test]
async fn round_trips_are_as_few_as_can_be() {
    let world = World::new(|_| {});
    let anonymous = world.open("").await;
    assert_eq!(world.commit(&anonymous).await, None);
    assert_eq!(world.store.take_counts(), (0, 0));

    let cookie = world.stored().await;
    assert_eq!(world.store.take_counts(), (0, 1));
    type Handler = fn(&Session);
    let handlers: [(Handler, (u32, u32)); 4] = [
        (|session| assert!(session.contains_key("n")), (1, 0)),
        (increment, (1, 1)),
        (|session| session.insert("m", 1).unwrap(), (1, 1)),
        (Session::purge, (1, 1)),
    ];
    for (handler, counts) in handlers {
        let session = world.open(&cookie).await;
        handler(&session);
        world.commit(&session).await;
        assert_eq!(world.store.take_counts(), counts);
    }
}
