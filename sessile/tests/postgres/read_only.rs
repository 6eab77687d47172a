//! Servers that become read-only while the store is open.

use sessile::storage::{IterableStore as _, StoreErrorKind::Denied};

use crate::{
    engine::{self, Server},
    pair::Pair,
    sql::setup::{built, create, in_time, patient, store, update, updated, updated_at_last, value},
};

/// Makes the server read-only, or ends that, also for connections that are open.
fn set_read_only(server: &Server, is_read_only: bool) {
    let value = if is_read_only { "on" } else { "off" };
    let set = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
    for sql in [set.as_str(), "SELECT pg_reload_conf()"] {
        server.execute(sql).unwrap();
    }
}

#[tokio::test]
async fn writes_fail_and_reads_go_on_until_it_accepts_writes() {
    let server = Server::start_with(&["log_connections=on"]).unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    set_read_only(&server, true);
    engine::until(&server, engine::IS_READ_ONLY);

    let connections = || server.output().matches("user=sessile").count();
    let before = connections();
    let mut denied = 0;
    for _ in 0..200 {
        match update(&store, &at, 2).await {
            // The open connections read the setting a moment later.
            Ok(_) => assert_eq!(denied, 0),
            Err(error) => {
                assert_eq!(error.kind(), Denied);
                assert!(!error.may_have_happened());
                denied += 1;
            }
        }
        value(&store, &at).await.unwrap();
        // No proof that the server accepts writes.
        store.count().await.unwrap();
    }
    assert!(denied > 100, "{denied}");
    let opened = connections() - before;
    assert!(opened < 20, "{opened}");

    set_read_only(&server, false);
    in_time(async { while update(&store, &at, 3).await.is_err() {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_one_that_accepts_writes_is_used_also_after_a_promotion() {
    let mut pair = Pair::start();
    store(&pair.primary).await;
    let address = format!(
        "postgres://sessile:secret@127.0.0.1:{},127.0.0.1:{}/sessile?target_session_attrs=read-write",
        pair.replica.port(),
        pair.primary.port()
    );
    let store = built(patient(address)).await;
    let at = create(&store, 1).await;
    let at = updated(&store, &at, 2).await;
    pair.promote(false);
    let at = updated_at_last(&store, &at, 3).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(3));
}
