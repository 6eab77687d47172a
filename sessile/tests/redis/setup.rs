//! What the tests share.

use std::time::{Duration, Instant};

use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        CreateOutcome, Freshness, NearCacheConfig, RedisSessionStore, SessionId, SessionStore as _,
        StoreError, StoreErrorKind, UpdateOutcome, Version,
    },
};
use sessile_rig::redis::Redis;
#[cfg(feature = "_redis-tls")]
use sessile_rig::redis::TlsRedis;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The lifetime of sessions: longer than any test, so that no test passes because a session expired.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Far longer than any operation takes that succeeds.
pub(crate) const ENOUGH: Duration = Duration::from_secs(60);

/// The output of `future`, unless that takes forever.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(ENOUGH, future).await;
    bounded.expect("the operation takes forever")
}

pub(crate) async fn store(url: impl Into<String>) -> RedisSessionStore {
    in_time(RedisSessionStore::new(url)).await.unwrap()
}

/// A store whose operations may take long, for a test that starts many at once.
pub(crate) async fn patient_store(url: impl Into<String>) -> RedisSessionStore {
    let builder = RedisSessionStore::builder(url).response_timeout(ENOUGH);
    in_time(builder.build()).await.unwrap()
}

/// A store with a near cache that is invalidated by Redis alone.
pub(crate) async fn near_store(url: impl Into<String>) -> RedisSessionStore {
    let config = NearCacheConfig::default().max_staleness(HOUR);
    let builder = RedisSessionStore::builder(url).near_cache(config);
    in_time(builder.build()).await.unwrap()
}

/// The same with operations that may take long.
pub(crate) async fn patient_near_store(url: impl Into<String>) -> RedisSessionStore {
    let config = NearCacheConfig::default().max_staleness(HOUR);
    let builder = RedisSessionStore::builder(url).response_timeout(ENOUGH);
    in_time(builder.near_cache(config).build()).await.unwrap()
}

/// Trusts the authority of `redis`, and no other one.
#[cfg(feature = "_redis-tls")]
pub(crate) fn trusting(redis: &TlsRedis) -> sessile::storage::RedisTlsConfig {
    sessile::storage::RedisTlsConfig::default().root_certificates(redis.ca_pem())
}

pub(crate) fn record(value: u32) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("value", &value).unwrap();
    record
}

/// A session that was stored: its id, and the version that was stored last.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: SessionId,
    pub(crate) version: Version,
}

impl Stored {
    /// A session that no store has.
    pub(crate) fn nowhere() -> Self {
        Self {
            id: SessionId::generate(),
            version: Version::generate(),
        }
    }

    /// Its Redis key, where none is configured.
    pub(crate) fn redis_key(&self) -> String {
        format!("sessile:{}", self.id)
    }
}

pub(crate) async fn create(store: &RedisSessionStore, value: u32) -> Stored {
    let new = Stored::nowhere();
    let created = store
        .create(&new.id, &record(value), new.version, HOUR)
        .await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    new
}

/// The outcome of creating a session that no store has.
pub(crate) async fn try_create(store: &RedisSessionStore) -> Result<CreateOutcome, StoreError> {
    let new = Stored::nowhere();
    store.create(&new.id, &record(9), new.version, HOUR).await
}

/// The value of a session, which may come from a near cache.
pub(crate) async fn value(
    store: &RedisSessionStore,
    at: &Stored,
) -> Result<Option<u32>, StoreError> {
    load(store, at, Freshness::Cached).await
}

/// The value of a session in Redis.
pub(crate) async fn current_value(
    store: &RedisSessionStore,
    at: &Stored,
) -> Result<Option<u32>, StoreError> {
    load(store, at, Freshness::Current).await
}

async fn load(
    store: &RedisSessionStore,
    at: &Stored,
    freshness: Freshness,
) -> Result<Option<u32>, StoreError> {
    let loaded = store.load(&at.id, None, freshness).await?;
    Ok(loaded.map(|loaded| loaded.record.state.get("value").unwrap().unwrap()))
}

pub(crate) async fn update(
    store: &RedisSessionStore,
    at: &Stored,
    value: u32,
) -> Result<UpdateOutcome, StoreError> {
    let new = record(value);
    store
        .update(&at.id, at.version, &new, Version::generate(), HOUR)
        .await
}

/// The session after an update that has to succeed.
pub(crate) async fn updated(store: &RedisSessionStore, at: &Stored, value: u32) -> Stored {
    let (new, version) = (record(value), Version::generate());
    let outcome = store.update(&at.id, at.version, &new, version, HOUR).await;
    assert_eq!(outcome.unwrap(), UpdateOutcome::Updated);
    Stored {
        id: at.id.clone(),
        version,
    }
}

/// The error of an operation that has to fail.
pub(crate) fn failed<T>(result: Result<T, StoreError>) -> StoreError {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

pub(crate) fn kind<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    failed(result).kind()
}

/// The error with all its causes, as a log shows it.
pub(crate) fn whole(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(" <- {error}");
        cause = error.source();
    }
    text
}

/// The time until `store` reads again.
pub(crate) async fn until_it_works(store: &RedisSessionStore, at: &Stored) -> Duration {
    let begun = Instant::now();
    in_time(async {
        while value(store, at).await.is_err() {
            // Operations that fail at once must not use the whole processor.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    begun.elapsed()
}

/// Waits until two of `servers` have the session: Redis acknowledges a write before a replica has it.
pub(crate) async fn until_replicated(servers: &[Redis], at: &Stored) {
    let has = |server: &&Redis| {
        let keys = server.command(&["KEYS", &at.redis_key()]).unwrap();
        !keys.items().is_empty()
    };
    in_time(async {
        while servers.iter().filter(has).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
