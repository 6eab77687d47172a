//! Helpers of the tests.

use std::time::{Duration, Instant};

use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        CreateOutcome, Freshness::Current, SessionId, SessionStore as _, StoreError,
        StoreErrorKind, UpdateOutcome, Version,
    },
};

use crate::engine::{Builder, Server, Store};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Far more time than any operation takes.
const ENOUGH: Duration = Duration::from_secs(60);

/// The output of `future`, which must not take forever.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(ENOUGH, future).await;
    bounded.expect("it takes forever")
}

/// Moves the clock of the store, which is the runtime's.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A store with more time than it needs, so that no test fails on a busy machine.
pub(crate) fn patient(address: impl Into<String>) -> Builder {
    with_patience(Store::builder(address))
}

pub(crate) fn with_patience(builder: Builder) -> Builder {
    builder.connect_timeout(ENOUGH).response_timeout(ENOUGH)
}

/// A store on `server`, with its tables.
pub(crate) async fn store(server: &Server) -> Store {
    built(patient(server.url()).create_table(true)).await
}

pub(crate) async fn built(builder: Builder) -> Store {
    in_time(builder.build())
        .await
        .unwrap_or_else(|error| panic!("{}", whole(&error)))
}

/// The error with which the store can't be built.
pub(crate) async fn refused(builder: Builder) -> (StoreErrorKind, String) {
    let error = failed(in_time(builder.build()).await);
    (error.kind(), whole(&error))
}

pub(crate) fn record(value: u32) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("value", &value).unwrap();
    record
}

/// The place of a record, and its version.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) id: SessionId,
    pub(crate) version: Version,
}

impl At {
    pub(crate) fn generate() -> Self {
        Self {
            id: SessionId::generate(),
            version: Version::generate(),
        }
    }
}

/// Creates a record with this value.
pub(crate) async fn try_create(store: &Store, value: u32) -> Result<At, StoreError> {
    create_record(store, &record(value), MINUTE).await
}

pub(crate) async fn create_record(
    store: &Store,
    record: &Record,
    ttl: Duration,
) -> Result<At, StoreError> {
    let at = At::generate();
    let outcome = store.create(&at.id, record, at.version, ttl).await?;
    assert_eq!(outcome, CreateOutcome::Created);
    Ok(at)
}

pub(crate) async fn create(store: &Store, value: u32) -> At {
    try_create(store, value)
        .await
        .unwrap_or_else(|error| panic!("{}", whole(&error)))
}

/// The value of the record at `at`, if there is one.
pub(crate) async fn value(store: &Store, at: &At) -> Result<Option<u32>, StoreError> {
    let loaded = store.load(&at.id, None, Current).await?;
    Ok(loaded.map(|loaded| loaded.record.state.get("value").unwrap().unwrap()))
}

/// Updates the record at `at` to a new version with this value.
pub(crate) async fn update(
    store: &Store,
    at: &At,
    value: u32,
) -> Result<UpdateOutcome, StoreError> {
    let (new, version) = (record(value), Version::generate());
    store
        .update(&at.id, at.version, &new, version, MINUTE)
        .await
}

/// The same record after an update that must succeed.
pub(crate) async fn updated(store: &Store, at: &At, value: u32) -> At {
    updated_for(store, at, value, MINUTE).await
}

pub(crate) async fn updated_for(store: &Store, at: &At, value: u32, ttl: Duration) -> At {
    let (new, version) = (record(value), Version::generate());
    let outcome = store.update(&at.id, at.version, &new, version, ttl).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{}", whole(&error)));
    assert_eq!(outcome, UpdateOutcome::Updated);
    At {
        id: at.id.clone(),
        version,
    }
}

/// As [`create`], as soon as it succeeds: a connection may be broken, and a create is not sent again.
pub(crate) async fn created_at_last(store: &Store, value: u32) -> At {
    in_time(async {
        loop {
            match try_create(store, value).await {
                Ok(at) => break at,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    })
    .await
}

/// As [`updated`], as soon as there is a connection.
pub(crate) async fn updated_at_last(store: &Store, at: &At, value: u32) -> At {
    let (new, version) = (record(value), Version::generate());
    in_time(async {
        loop {
            let updating = store.update(&at.id, at.version, &new, version, MINUTE);
            match updating.await {
                Ok(outcome) => break assert_eq!(outcome, UpdateOutcome::Updated),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    })
    .await;
    At {
        id: at.id.clone(),
        version,
    }
}

/// The error of an operation that must fail.
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

/// The time until `store` loads again.
pub(crate) async fn until_it_works(store: &Store, at: &At) -> Duration {
    let begun = Instant::now();
    in_time(async {
        while value(store, at).await.is_err() {
            // Leaves the processor to the server.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    begun.elapsed()
}

/// The number of sessions.
pub(crate) fn rows(server: &Server) -> u64 {
    let count = server.execute("SELECT count(*) FROM sessile_sessions");
    count.unwrap().trim().parse().unwrap()
}
