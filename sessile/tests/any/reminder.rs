//! The warning of a store whose expired sessions no clean-up deletes.

use std::time::Duration;

use sessile::{
    clock::{Clock as _, ManualClock},
    record::Record,
    storage::{SessionId, SessionStore as _, SqliteSessionStore, Version},
};

use crate::log::Log;

const MINUTE: Duration = Duration::from_secs(60);

/// What a store logs that creates a session every minute for two hours.
async fn logged(store: SqliteSessionStore, clock: &ManualClock) -> Vec<String> {
    let log = Log::of_warnings();
    for _ in 0..120 {
        let (id, record) = (SessionId::generate(), Record::new(clock.now()));
        let created = store.create(&id, &record, Version::generate(), MINUTE);
        created.await.unwrap();
        clock.advance(MINUTE);
    }
    log.lines()
}

#[tokio::test]
async fn a_store_without_a_clean_up_warns_once() {
    let clock = ManualClock::default();
    let open = async || {
        let builder = SqliteSessionStore::builder(":memory:").clock(clock.clone());
        builder.build().await.unwrap()
    };
    let lines = logged(open().await, &clock).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("start_cleanup"), "{lines:?}");

    let cleaned = open().await;
    cleaned.delete_expired(1).await.unwrap();
    assert!(logged(cleaned, &clock).await.is_empty());
}
