//! [`RedisActorSessionStore`]: sessions in Redis, through an actor on each worker thread.
//!
//! An actor only connects, and hands out its store, which every operation uses directly.
//!
//! The store holds its actors, one for each thread, so they end with its last clone. If an actor has ended, the next
//! operation on that thread starts another one. It is started through the handle of the arbiter, which works from any
//! task on the thread. Starting it directly would panic outside of a `LocalSet`.

mod builder;
mod error;
mod iteration;
mod subjects;
mod worker;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
    time::Duration,
};

use actix::{Addr, Arbiter, Supervisor};

use self::{
    error::Fault,
    worker::{GetStore, Worker},
};
use super::{
    CreateOutcome, Freshness, Loaded, RedisSessionStore, RedisSessionStoreBuilder, SessionId,
    SessionStore, StoreError, SubjectDigest, UpdateOutcome, Version, lock::lock,
};
use crate::record::Record;

pub use self::builder::RedisActorSessionStoreBuilder;

/// Keeps sessions in Redis as [`RedisSessionStore`] does, through an actor on each worker thread.
///
/// It is for programs that used the store of this name in earlier versions of `actix-session`, and that
/// can't wait for a connection during their setup. New programs should prefer [`RedisSessionStore`]: it
/// needs neither actors nor an Actix system.
///
/// - The store connects in the background, so building it always succeeds. Until there is a connection,
///   operations wait for at most
///   [`response_timeout`](RedisActorSessionStoreBuilder::response_timeout), and then fail with
///   [`Unavailable`](super::StoreErrorKind::Unavailable). They fail immediately if connecting can't
///   succeed, for example because of a wrong password.
/// - Each worker thread has an actor and a connection of its own. Both are made when the thread first needs
///   them. A supervisor restarts an actor that could not connect.
/// - An operation costs a message to the actor more than with [`RedisSessionStore`].
/// - It works only on threads of an Actix system, such as the workers of a server under
///   `#[actix_web::main]`. On other threads, also under `#[tokio::main]`, it fails with
///   [`Misconfigured`](super::StoreErrorKind::Misconfigured).
///
/// Addresses, Redis keys and requirements are those of [`RedisSessionStore`]. Clones share the actors.
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
    builder: RedisSessionStoreBuilder,
    /// The actors of the threads that needed one. They end with the last clone of the store. `None` if the store was
    /// closed.
    workers: Mutex<Option<HashMap<ThreadId, Addr<Worker>>>>,
}

impl RedisActorSessionStore {
    /// A store at `address` with all settings at their defaults. It connects at the first operation.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self::builder(address).build()
    }

    /// A store at `address` with settings of your own.
    pub fn builder(address: impl Into<String>) -> RedisActorSessionStoreBuilder {
        RedisActorSessionStoreBuilder::new(address.into())
    }

    fn with(builder: RedisSessionStoreBuilder) -> Self {
        Self(Arc::new(Inner {
            builder,
            workers: Mutex::new(Some(HashMap::new())),
        }))
    }

    /// This thread's store, as soon as its actor has connected.
    async fn store(&self) -> Result<RedisSessionStore, Fault> {
        let answer = self.worker()?.send(GetStore).await;
        answer.unwrap_or(Err(Fault::Failed))
    }

    /// This thread's actor.
    fn worker(&self) -> Result<Addr<Worker>, Fault> {
        let arbiter = Arbiter::try_current().ok_or(Fault::NoArbiter)?;
        let mut workers = lock(&self.0.workers);
        let workers = workers.as_mut().ok_or(Fault::Closed)?;
        let thread = thread::current().id();
        if let Some(worker) = workers.get(&thread)
            && worker.connected()
        {
            return Ok(worker.clone());
        }
        workers.retain(|_, worker| worker.connected());
        let builder = self.0.builder.clone();
        let worker = Supervisor::start_in_arbiter(&arbiter, |_| Worker::new(builder));
        workers.insert(thread, worker.clone());
        Ok(worker)
    }
}

impl SessionStore for RedisActorSessionStore {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.store().await?.load(id, subject, freshness).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let store = self.store().await?;
        store.create(id, record, version, ttl).await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let store = self.store().await?;
        store.update(id, expected, record, version, ttl).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.store().await?.delete(id).await
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        crate::record::actix_session::is_key(key)
    }
}

crate::debug::opaque!(RedisActorSessionStore);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::StoreErrorKind;

    async fn load(store: &RedisActorSessionStore) -> StoreError {
        let id = SessionId::generate();
        let loaded = store.load(&id, None, Freshness::Current).await;
        loaded.unwrap_err()
    }

    #[tokio::test]
    async fn without_an_actix_system_the_error_names_it() {
        let store = RedisActorSessionStore::new("127.0.0.1:6379");
        let error = load(&store).await;
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(!error.may_have_happened());
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("Actix system"), "{cause}");
    }

    #[actix_web::test]
    async fn a_malformed_address_fails_immediately_and_the_error_hides_the_password() {
        let store = RedisActorSessionStore::builder("redis://user:hunter2@h:port")
            .response_timeout(Duration::MAX)
            .build();
        for _ in 0..3 {
            let error = load(&store).await;
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
            assert!(!format!("{store:?} {error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_store_outlives_the_system_that_its_actors_ran_on() {
        let store = RedisActorSessionStore::new("redis://h:port");
        for _ in 0..2 {
            let store = store.clone();
            let error = actix::System::new().block_on(async move { load(&store).await });
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        }
        assert_eq!(store.0.workers.lock().unwrap().as_ref().unwrap().len(), 1);
    }
}
