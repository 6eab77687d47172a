//! Cleaning up expired rows.

use std::{collections::BTreeMap, time::Duration};

use sessile::{
    config::Settings,
    engine::{EndCause, EventKind, SealingKey, SessionManager},
    record::Record,
    storage::SessionStore as _,
};

use crate::{
    engine::{self, Server, Store},
    log::Log,
    sql::setup::{
        MINUTE, create, create_record, in_time, pass, record, rows, store, updated_for, value,
    },
};

/// Adds expired rows. The first one expired first.
fn add_expired(server: &Server, count: u32) {
    server.execute(&engine::insert_expired(count)).unwrap();
}

#[tokio::test]
async fn only_expired_rows_are_deleted_the_earliest_first() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let live = create(&store, 1).await;
    assert_eq!(store.delete_expired(100).await.unwrap(), 0);
    add_expired(&server, 5);
    assert_eq!(store.delete_expired(0).await.unwrap(), 0);
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    let left = "SELECT min(expires_at) FROM sessile_sessions";
    assert_eq!(server.execute(left).unwrap(), "4\n");
    assert_eq!(store.delete_expired(3).await.unwrap(), 2);
    assert_eq!(value(&store, &live).await.unwrap(), Some(1));
    assert_eq!(rows(&server), 1);
}

#[tokio::test]
async fn a_store_without_a_clean_up_warns_once() {
    let server = Server::start().unwrap();
    for (cleans_up, expected) in [(false, 1), (true, 0)] {
        let store = store(&server).await;
        if cleans_up {
            store.delete_expired(1).await.unwrap();
        }
        let log = Log::of_warnings();
        for _ in 0..4 {
            create(&store, 1).await;
            pass(30 * MINUTE).await;
        }
        let lines = log.lines();
        let warnings = lines.iter().filter(|line| line.contains("start_cleanup"));
        assert_eq!(warnings.count(), expected, "{lines:?}");
    }
}

#[tokio::test]
async fn a_limit_may_be_larger_than_a_batch() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    add_expired(&server, 1700);
    assert_eq!(store.delete_expired(1600).await.unwrap(), 1600);
    assert_eq!(store.delete_expired(u32::MAX).await.unwrap(), 100);
}

#[tokio::test]
async fn expired_records_are_not_served_before_they_are_deleted() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let ended = create_record(&store, &record(1), Duration::ZERO).await;
    assert_eq!(rows(&server), 1);
    assert_eq!(value(&store, &ended.unwrap()).await.unwrap(), None);
    let longest = create_record(&store, &record(2), Duration::MAX).await;
    assert_eq!(value(&store, &longest.unwrap()).await.unwrap(), Some(2));
}

/// Whether the only row is due when it expires, before that, or after that.
fn due(server: &Server) -> String {
    let due =
        "SELECT CASE WHEN due_at = expires_at THEN 'then' WHEN due_at < expires_at THEN 'before'
        ELSE 'after' END FROM sessile_sessions";
    server.execute(due).unwrap().trim().to_owned()
}

#[tokio::test]
async fn an_update_makes_a_row_due_earlier_only_if_it_ends_much_earlier() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    for (minutes, seconds, expected) in [
        (1, 600, "before"),
        (10, 570, "after"),
        (10, 480, "then"),
        (10, 0, "then"),
    ] {
        let created = create_record(&store, &record(1), minutes * MINUTE).await;
        assert_eq!(due(&server), "then");
        let at = created.unwrap();
        updated_for(&store, &at, 2, Duration::from_secs(seconds)).await;
        assert_eq!(
            due(&server),
            expected,
            "{minutes} minutes, then {seconds} s"
        );
        store.delete(&at.id).await.unwrap();
    }
}

#[tokio::test]
async fn rows_that_were_extended_are_postponed() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    let make_due = "UPDATE sessile_sessions SET due_at = 0";
    server.execute(make_due).unwrap();
    add_expired(&server, 3);
    // The extended row is the first batch, and does not end the clean-up.
    assert_eq!(store.delete_expired(1).await.unwrap(), 1);
    assert_eq!(store.delete_expired(10).await.unwrap(), 2);
    assert_eq!(store.delete_expired(10).await.unwrap(), 0);
    assert_eq!(due(&server), "then");
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

// The calls that count the rows block a thread. They would make batches appear slow, which become smaller then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clean_up_task_goes_through_all_batches_and_stops() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    add_expired(&server, 1100);
    let live = create(&store, 1).await;
    let cleanup = store.start_cleanup(MINUTE);
    in_time(async {
        while rows(&server) > 1 {
            // The question blocks the runtime, and each batch needs several steps.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    cleanup.stop().await;
    assert_eq!(value(&store, &live).await.unwrap(), Some(1));
}

#[tokio::test]
async fn the_sessions_of_deleted_rows_are_events() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let settings = Settings::default();
    let manager = SessionManager::new(store.clone(), SealingKey::generate(), settings).unwrap();
    let mut events = manager.events();
    let extended = create(&store, 1).await;
    server
        .execute("UPDATE sessile_sessions SET due_at = 0")
        .unwrap();
    let text = record(1).encode();
    let text = text.replacen('{', r#"{"sub":"ferris","in":1,"#, 1);
    let user = Record::decode(text.as_bytes()).unwrap();
    let user = create_record(&store, &user, Duration::ZERO).await.unwrap();
    add_expired(&server, 300);
    // None of them may miss a row, also if they find the same ones.
    let cleaning = || store.delete_expired(200);
    let (one, other) = tokio::join!(cleaning(), cleaning());
    let rest = store.delete_expired(400).await.unwrap();
    assert_eq!(one.unwrap() + other.unwrap() + rest, 301);
    assert_eq!(value(&store, &extended).await.unwrap(), Some(1));
    drop((manager, store));

    let mut users = BTreeMap::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        assert_eq!(event.kind, EventKind::Ended(EndCause::Expired));
        users.insert(event.id.unwrap().to_string(), event.subject);
    }
    assert_eq!(users.len(), 301);
    assert_eq!(users[&user.id.to_string()].as_deref(), Some("ferris"));
    assert!(!users.contains_key(&extended.id.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_clean_ups_and_users_do_not_disturb_each_other() {
    const EXPIRED: u32 = 5000;
    let server = Server::start().unwrap();
    let store = store(&server).await;
    add_expired(&server, EXPIRED);
    let clean = |store: Store| async move {
        let mut deleted = 0;
        let mut empty = 0;
        // Rows that another clean-up has locked are not there for this one.
        while empty < 3 {
            let now = store.delete_expired(300).await.unwrap();
            empty += u32::from(now == 0);
            deleted += now;
        }
        deleted
    };
    let cleaners: Vec<_> = (0..3).map(|_| tokio::spawn(clean(store.clone()))).collect();
    let users: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    let at = create(&store, 1).await;
                    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
                }
            })
        })
        .collect();
    let mut deleted = 0;
    for cleaner in cleaners {
        deleted += in_time(cleaner).await.unwrap();
    }
    for user in users {
        in_time(user).await.unwrap();
    }
    deleted += store.delete_expired(EXPIRED).await.unwrap();
    assert_eq!(deleted, u64::from(EXPIRED));
    assert_eq!(rows(&server), 300);
}
