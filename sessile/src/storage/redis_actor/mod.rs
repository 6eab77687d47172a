//! [`RedisActorSessionStore`]: sessions in Redis, by an actor for each worker thread.

mod builder;
mod error;
mod worker;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

use actix::{Addr, Arbiter, Supervisor};

use self::{
    builder::Settings,
    error::Fault,
    worker::{Command, Worker},
};
use super::{
    Loaded, RedisSessionStore, SessionKey, SessionStore, StoreError, Stored, Swap, Version,
};
use crate::record::Record;

pub use self::builder::RedisActorSessionStoreBuilder;

/// Keeps sessions in Redis as [`RedisSessionStore`] does, through an actor on each worker thread.
///
/// It is for programs that used the store of this name in earlier versions of `actix-session`, and
/// that can't wait for a connection while they set themselves up. [`RedisSessionStore`] is the better
/// choice for new ones: it needs no actors, and no Actix system around it.
///
/// - It connects in the background: making one always succeeds. Until there is a connection,
///   operations wait for it for at most
///   [`response_timeout`](RedisActorSessionStoreBuilder::response_timeout), and then fail with
///   [`Unavailable`](super::StoreErrorKind::Unavailable). They don't wait if it turns out that there
///   can be none, for a wrong password for example.
/// - Each worker thread has an actor and a connection of its own, both made when the thread first needs
///   them. Its supervisor starts the actor anew when it couldn't connect, and one that panicked has a
///   successor at the next operation.
/// - An operation costs a message and a task on top of what it costs there.
/// - It works on the threads of an Actix system only, such as `#[actix_web::main]` makes and the workers
///   of its servers are. Elsewhere, also under `#[tokio::main]`, it fails with
///   [`Misconfigured`](super::StoreErrorKind::Misconfigured).
///
/// Addresses are those of [`RedisSessionStore`], and so is all that is said there of Redis itself.
/// Clones share the actors.
///
/// ```no_run
/// use actix_web::{App, HttpServer, cookie::Key};
/// use sessile::{SessionMiddleware, storage::RedisActorSessionStore};
///
/// #[actix_web::main]
/// async fn main() -> std::io::Result<()> {
///     let store = RedisActorSessionStore::new("127.0.0.1:6379");
///     let sessions = SessionMiddleware::new(store, Key::generate());
///     HttpServer::new(move || App::new().wrap(sessions.clone()))
///         .bind(("127.0.0.1", 8080))?
///         .run()
///         .await
/// }
/// ```
#[derive(Clone)]
pub struct RedisActorSessionStore(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    /// The actors of the threads that have needed one. They end with the last clone of the store.
    workers: Mutex<HashMap<ThreadId, Addr<Worker>>>,
}

impl RedisActorSessionStore {
    /// A store at `address` with all settings at their defaults. Nothing is connected yet.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self::builder(address).build()
    }

    /// A store at `address` with settings of your own.
    pub fn builder(address: impl Into<String>) -> RedisActorSessionStoreBuilder {
        RedisActorSessionStoreBuilder::new(address.into())
    }

    fn with(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            settings: Arc::new(settings),
            workers: Mutex::default(),
        }))
    }

    /// Has this thread's actor do `operation` with its connection.
    async fn ask<F, O, T>(&self, operation: F) -> Result<T, StoreError>
    where
        F: FnOnce(RedisSessionStore) -> O + Send + 'static,
        O: Future<Output = Result<T, StoreError>> + 'static,
        T: Send + 'static,
    {
        let answer = self.worker()?.send(Command(operation)).await;
        answer.unwrap_or_else(|_| Err(Fault::Failed.into()))
    }

    /// This thread's actor.
    fn worker(&self) -> Result<Addr<Worker>, Fault> {
        let arbiter = Arbiter::try_current().ok_or(Fault::NoArbiter)?;
        let workers = self.0.workers.lock();
        let mut workers = workers.unwrap_or_else(PoisonError::into_inner);
        let thread = thread::current().id();
        if let Some(worker) = workers.get(&thread)
            && worker.connected()
        {
            return Ok(worker.clone());
        }
        // Threads end, and take their actors with them.
        workers.retain(|_, worker| worker.connected());
        let settings = Arc::clone(&self.0.settings);
        let worker = Supervisor::start_in_arbiter(&arbiter, |_| Worker::new(settings));
        workers.insert(thread, worker.clone());
        Ok(worker)
    }
}

impl SessionStore for RedisActorSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let key = key.clone();
        self.ask(|store| async move { store.load(&key).await })
            .await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        let record = record.clone();
        self.ask(move |store| async move { store.create(&record, ttl).await })
            .await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let (key, record) = (key.clone(), record.clone());
        self.ask(move |store| async move { store.update(&key, version, &record, ttl).await })
            .await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let (key, record) = (key.clone(), record.clone());
        self.ask(move |store| async move { store.renew(&key, version, &record, ttl).await })
            .await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.ask(|store| async move { store.delete(&key).await })
            .await
    }
}

impl fmt::Debug for RedisActorSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisActorSessionStore")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{StoreErrorKind, generate_session_key};

    #[tokio::test]
    async fn without_an_actix_system_it_says_so() {
        let store = RedisActorSessionStore::new("127.0.0.1:6379");
        let error = store.load(&generate_session_key()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("Actix system"), "{cause}");
    }

    #[actix_web::test]
    async fn an_address_that_makes_no_sense_is_told_at_once_and_without_its_password() {
        let store = RedisActorSessionStore::builder("redis://user:hunter2@h:port")
            .response_timeout(Duration::MAX)
            .build();
        for _ in 0..3 {
            let error = store.load(&generate_session_key()).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
            assert!(!format!("{store:?} {error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn it_outlives_the_system_that_its_actors_were_on() {
        let store = RedisActorSessionStore::new("redis://h:port");
        for _ in 0..2 {
            let store = store.clone();
            let load = async move { store.load(&generate_session_key()).await };
            let error = actix::System::new().block_on(load).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        }
        assert_eq!(store.0.workers.lock().unwrap().len(), 1);
    }
}
