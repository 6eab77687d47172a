//! What the tests share.

use std::time::{Duration, Instant};

use sessile::{
    Clock as _, Record, SystemClock,
    storage::{SessionStore as _, StoreError, StoreErrorKind, Stored, Swap},
};

use crate::engine::{Builder, Server, Store};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Far above what anything takes that works.
const ENOUGH: Duration = Duration::from_secs(60);

/// What `future` comes to, unless that takes for ever.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(ENOUGH, future).await;
    bounded.expect("it takes for ever")
}

/// A store that is given more time than it needs, so that a busy machine fails no test.
pub(crate) fn patient(address: impl Into<String>) -> Builder {
    with_patience(Store::builder(address))
}

pub(crate) fn with_patience(builder: Builder) -> Builder {
    builder.connect_timeout(ENOUGH).response_timeout(ENOUGH)
}

/// A store on `server`, with its table.
pub(crate) async fn store(server: &Server) -> Store {
    built(patient(server.url()).create_table(true)).await
}

pub(crate) async fn built(builder: Builder) -> Store {
    in_time(builder.build())
        .await
        .unwrap_or_else(|error| panic!("{}", whole(&error)))
}

/// Why it can't be built.
pub(crate) async fn refused(builder: Builder) -> (StoreErrorKind, String) {
    let error = failed(in_time(builder.build()).await);
    (error.kind(), whole(&error))
}

pub(crate) fn record(value: u32) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("value", &value).unwrap();
    record
}

pub(crate) async fn create(store: &Store, value: u32) -> Stored {
    store.create(&record(value), MINUTE).await.unwrap()
}

/// The value under the key of `at`, if it leads to a record.
pub(crate) async fn value(store: &Store, at: &Stored) -> Result<Option<u32>, StoreError> {
    let loaded = store.load(&at.key).await?;
    Ok(loaded.map(|loaded| loaded.record.state.get("value").unwrap().unwrap()))
}

pub(crate) async fn update(store: &Store, at: &Stored, value: u32) -> Result<Swap, StoreError> {
    let new = record(value);
    store.update(&at.key, at.version, &new, MINUTE).await
}

pub(crate) async fn renew(store: &Store, at: &Stored, value: u32) -> Result<Swap, StoreError> {
    let new = record(value);
    store.renew(&at.key, at.version, &new, MINUTE).await
}

pub(crate) fn stored(swap: Result<Swap, StoreError>) -> Stored {
    match swap {
        Ok(Swap::Stored(stored)) => stored,
        Ok(other) => panic!("expected the record to be stored, got {other:?}"),
        Err(error) => panic!("{}", whole(&error)),
    }
}

/// The error of an operation that has to fail.
pub(crate) fn failed<T>(result: Result<T, StoreError>) -> StoreError {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
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
pub(crate) async fn until_it_works(store: &Store, at: &Stored) -> Duration {
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

/// How many rows there are.
pub(crate) fn rows(server: &Server) -> u64 {
    let count = server.execute("SELECT count(*) FROM sessile_sessions");
    count.unwrap().trim().parse().unwrap()
}
