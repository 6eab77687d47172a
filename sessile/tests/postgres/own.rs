//! Tests for PostgreSQL alone.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use sessile::storage::{
    ManagedStore as _,
    StoreErrorKind::{Incompatible, Misconfigured, Unavailable},
    UpdateOutcome,
};
use sessile_rig::proxy::Proxy;

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        MINUTE, built, create, failed, in_time, patient, refused, rows, store, try_create, update,
        updated, value, whole,
    },
};

#[tokio::test]
async fn a_database_that_is_not_encoded_in_utf_8_is_refused() {
    let server = Server::start().unwrap();
    server
        .execute(
            "CREATE DATABASE old ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 OWNER sessile",
        )
        .unwrap();
    let address = server.url();
    let (address, _) = address.rsplit_once('/').unwrap();
    let (kind, text) = refused(patient(format!("{address}/old")).create_table(true)).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("LATIN1"), "{text}");
}

#[tokio::test]
async fn a_missing_schema_is_refused() {
    let server = Server::start().unwrap();
    let builder = patient(server.url()).schema("nowhere").create_table(true);
    let (kind, text) = refused(builder).await;
    assert_eq!(kind, Misconfigured, "{text}");
    assert!(text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn the_table_is_found_by_the_users_search_path() {
    let server = Server::start().unwrap();
    server.execute(engine::CREATE_SCHEMA).unwrap();
    let path = "ALTER ROLE sessile SET search_path = \"Some_schema\", public";
    server.execute(path).unwrap();
    create(&store(&server).await, 1).await;
    let there = "SELECT count(*) FROM \"Some_schema\".sessile_sessions";
    assert_eq!(server.execute(there).unwrap(), "1\n");
}

#[tokio::test]
async fn a_clean_up_skips_locked_rows() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    server.execute(&engine::insert_expired(10)).unwrap();
    let locks = "SELECT FROM sessile_sessions WHERE expires_at <= 3 FOR UPDATE";
    let holder = engine::hold(&server, locks).await;
    assert_eq!(store.delete_expired(10).await.unwrap(), 7);
    holder.release().await;
    assert_eq!(store.delete_expired(10).await.unwrap(), 3);
}

/// The deleted rows stay in the index until the other transaction ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_up_beside_a_long_transaction_reads_each_row_once() {
    const EXPIRED: u32 = 2000;
    let server = Server::start().unwrap();
    let store = store(&server).await;
    server.execute(&engine::insert_expired(EXPIRED)).unwrap();
    server.execute("ANALYZE sessile_sessions").unwrap();
    let count = "SELECT idx_tup_read FROM pg_stat_user_indexes
        WHERE indexrelname = 'sessile_sessions_due_at'";
    let entries_read = || -> u32 { server.execute(count).unwrap().trim().parse().unwrap() };
    let before = entries_read();
    let snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
        SELECT count(*) FROM sessile_sessions";
    let holder = engine::hold(&server, snapshot).await;
    let cleanup = store.start_cleanup(MINUTE);
    in_time(async {
        while rows(&server) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    cleanup.stop().await;
    store.close().await.unwrap();
    in_time(async {
        // Only that of the other transaction. A connection reports its statistics when it closes, at the latest.
        while engine::connections(&server) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let read = entries_read() - before;
    assert!(
        (EXPIRED..2 * EXPIRED).contains(&read),
        "{read} entries were read"
    );
    holder.release().await;
}

#[tokio::test]
async fn a_conflict_leaves_no_dead_row() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    updated(&store, &at, 2).await;
    let place = || server.execute("SELECT ctid FROM sessile_sessions").unwrap();
    let before = place();
    for _ in 0..3 {
        let outcome = update(&store, &at, 3).await.unwrap();
        assert_eq!(outcome, UpdateOutcome::Conflict);
    }
    assert_eq!(place(), before);
    assert_eq!(rows(&server), 1);
}

#[tokio::test]
async fn an_address_may_name_a_unix_socket() {
    let server = Server::start().unwrap();
    let folder = server.folder().display();
    let address = format!(
        "postgres:///sessile?host={folder}&port={}&user=sessile",
        server.port()
    );
    let store = built(patient(address).create_table(true)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_is_sent_again_during_its_first_attempt_is_stored_once() {
    let server = Server::start().unwrap();
    let other = store(&server).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let address = format!(
        "{}?options=-c%20lock_timeout%3D0",
        server.url_on(proxy.port())
    );
    let store = built(patient(address)).await;
    let at = create(&store, 1).await;

    let lock = "SELECT FROM sessile_sessions FOR UPDATE";
    let holder = engine::hold(&server, lock).await;
    let ours = tokio::spawn({
        let (store, at) = (store.clone(), at.clone());
        async move { update(&store, &at, 2).await }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    engine::until(&server, (waiting, "1\n"));
    // The server does not notice the cut, and continues the first attempt.
    proxy.cut();
    engine::until(&server, (waiting, "2\n"));
    holder.release().await;

    let outcome = in_time(ours).await.unwrap().unwrap();
    assert_eq!(outcome, UpdateOutcome::Updated);
    assert_eq!(value(&other, &at).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_write_during_which_the_server_panics_may_have_happened() {
    let mut server = Server::start().unwrap();
    let store = store(&server).await;
    create(&store, 1).await;
    // The server can't write its log any longer. What it wrote may be found when it recovers.
    server.limit_files(Some(8192)).unwrap();
    let error = failed(in_time(try_create(&store, 2)).await);
    assert_eq!(error.kind(), Unavailable);
    assert!(error.may_have_happened(), "{}", whole(&error));
}

#[tokio::test]
async fn a_server_that_hangs_is_passed_over() {
    let mut hanging = Server::start().unwrap();
    let server = Server::start().unwrap();
    let ports = format!("{},{}", hanging.port(), server.port());
    let address =
        format!("postgres://sessile:secret@/sessile?host=127.0.0.1,127.0.0.1&port={ports}");
    hanging.stop().unwrap();
    let builder = Store::builder(address).create_table(true);
    let store = built(builder.response_timeout(Duration::from_secs(60))).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn updates_touch_no_index() {
    const UPDATES: u32 = 100;
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let mut records = Vec::new();
    for _ in 0..100 {
        records.push(create(&store, 1).await);
    }
    let mut at = records.swap_remove(50);
    for number in 0..UPDATES {
        at = updated(&store, &at, number).await;
    }
    // A connection reports its statistics when it is closed.
    drop(store);
    let counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
        WHERE relname = 'sessile_sessions'";
    engine::until(&server, (counts, &format!("{UPDATES}|{UPDATES}\n")));
}

#[tokio::test]
async fn another_protocol_on_the_port_is_an_error() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "S: no certificate follows",
        "N\u{0}\u{0}\u{0}",
        "E\u{7f}\u{7f}\u{7f}\u{7f}",
        "",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            // The second one is for the second attempt.
            for _ in 0..2 {
                let (mut client, _) = listener.accept().unwrap();
                let _ = client.read(&mut [0; 1000]);
                client.write_all(answer.as_bytes()).unwrap();
            }
        });
        let builder = Store::builder(format!("postgres://u:hunter2@127.0.0.1:{port}/d"));
        let (kind, text) = refused(builder).await;
        assert_eq!(kind, Unavailable, "{answer:?}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
        let _ = TcpStream::connect(("127.0.0.1", port));
        server.join().unwrap();
    }
}

#[tokio::test]
async fn connections_have_a_name() {
    let server = Server::start().unwrap();
    let names = || {
        let sql = "SELECT DISTINCT application_name FROM pg_stat_activity
             WHERE query LIKE '%sessile_sessions%' AND pid <> pg_backend_pid()";
        server.execute(sql).unwrap().trim().to_owned()
    };
    let default = store(&server).await;
    create(&default, 1).await;
    assert_eq!(names(), "sessile");
    let separator = if server.url().contains('?') { '&' } else { '?' };
    let address = format!("{}{separator}application_name=web-1", server.url());
    let named = built(patient(address)).await;
    create(&named, 1).await;
    default.close().await.unwrap();
    in_time(async {
        while names() != "web-1" {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
