//! What the tests share.

use std::time::{Duration, Instant};

use sessile::{
    Clock as _, Record, SystemClock,
    storage::{
        NearCache, RedisSessionStore, SessionKey, SessionStore as _, StoreError, StoreErrorKind,
        Stored, Swap,
    },
};
use sessile_rig::redis::Redis;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Far above what anything takes that works.
const ENOUGH: Duration = Duration::from_secs(60);

/// What `future` comes to, unless that takes for ever.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(ENOUGH, future).await;
    bounded.expect("it takes for ever")
}

pub(crate) async fn store(url: impl Into<String>) -> RedisSessionStore {
    in_time(RedisSessionStore::new(url)).await.unwrap()
}

/// A store that keeps what it read, for as long as Redis doesn't tell of a change.
pub(crate) async fn near_store(url: impl Into<String>) -> RedisSessionStore {
    let near = NearCache::default().max_staleness(Duration::from_secs(3600));
    let builder = RedisSessionStore::builder(url).near_cache(near);
    in_time(builder.build()).await.unwrap()
}

pub(crate) fn record(value: u32) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("value", &value).unwrap();
    record
}

pub(crate) fn key(text: &str) -> SessionKey {
    SessionKey::try_from(text.to_owned()).unwrap()
}

pub(crate) async fn create(store: &RedisSessionStore, value: u32) -> Stored {
    store.create(&record(value), MINUTE).await.unwrap()
}

/// The value under the key of `at`, if it leads to a record.
pub(crate) async fn value(
    store: &RedisSessionStore,
    at: &Stored,
) -> Result<Option<u32>, StoreError> {
    let loaded = store.load(&at.key).await?;
    Ok(loaded.map(|loaded| loaded.record.state.get("value").unwrap().unwrap()))
}

pub(crate) async fn update(
    store: &RedisSessionStore,
    at: &Stored,
    value: u32,
) -> Result<Swap, StoreError> {
    store
        .update(&at.key, at.version, &record(value), MINUTE)
        .await
}

pub(crate) async fn renew(
    store: &RedisSessionStore,
    at: &Stored,
    value: u32,
) -> Result<Swap, StoreError> {
    store
        .renew(&at.key, at.version, &record(value), MINUTE)
        .await
}

pub(crate) fn stored(swap: Result<Swap, StoreError>) -> Stored {
    match swap {
        Ok(Swap::Stored(stored)) => stored,
        other => panic!("expected the record to be stored, got {other:?}"),
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

/// How long until `store` reads again.
pub(crate) async fn until_it_works(store: &RedisSessionStore, at: &Stored) -> Duration {
    let begun = Instant::now();
    in_time(async {
        while value(store, at).await.is_err() {
            // Only so that failing at once doesn't take the whole processor.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    begun.elapsed()
}

/// Waits until what is at `at` is on two of `servers`: Redis acknowledges a write before a replica
/// has it.
pub(crate) async fn until_replicated(servers: &[Redis], at: &Stored) {
    let has = |server: &&Redis| {
        let keys = server.command(&["KEYS", at.key.id()]).unwrap();
        !keys.items().is_empty()
    };
    in_time(async {
        while servers.iter().filter(has).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
