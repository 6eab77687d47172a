//! When the store replaces its connections.

use std::{collections::BTreeSet, time::Duration};

use sessile::{
    record::Record,
    storage::{
        Freshness, SessionId, SessionLimit, SessionStore as _, SignInWrite,
        StoreErrorKind::{Denied, TooLarge},
        SubjectStore as _, UpdateOutcome, Version,
    },
};
use sessile_rig::proxy::{Fault, Proxy};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        At, MINUTE, built, create, created_at_last, failed, in_time, pass, patient, record, store,
        update, updated, value, whole, with_patience,
    },
};

/// The server's numbers of the connections of the store's user, if the condition holds for them.
fn numbers(server: &Server, condition: &str) -> BTreeSet<u64> {
    let select = "SELECT id FROM information_schema.processlist WHERE user = 'sessile'";
    let rows = server.execute(&format!("{select} {condition}")).unwrap();
    rows.lines().map(|id| id.parse().unwrap()).collect()
}

fn open_connections(server: &Server) -> BTreeSet<u64> {
    numbers(server, "")
}

/// The number of connections that the server has accepted.
fn accepted(server: &Server) -> u64 {
    let count = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'CONNECTIONS'";
    server.execute(count).unwrap().trim().parse().unwrap()
}

/// Waits until none of these connections is open.
async fn until_closed(server: &Server, connections: &BTreeSet<u64>) {
    in_time(async {
        while !open_connections(server).is_disjoint(connections) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_connection_is_replaced_when_it_is_needed() {
    let server = Server::start().unwrap();
    let builder = engine::at_most(patient(server.url()).create_table(true), 1);
    let store = built(builder.max_lifetime(30 * MINUTE)).await;
    let at = create(&store, 1).await;
    let first = open_connections(&server);
    // It is used often, and each lifetime is up to a tenth shorter.
    for _ in 0..26 {
        pass(MINUTE).await;
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    }
    assert_eq!(open_connections(&server), first);
    for _ in 0..4 {
        pass(MINUTE).await;
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    }
    until_closed(&server, &first).await;
    assert_eq!(open_connections(&server).len(), 1);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_proved_before_it_is_used() {
    let server = Server::start().unwrap();
    store(&server).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(engine::at_most(patient(server.url_on(proxy.port())), 1)).await;
    let at = create(&store, 1).await;
    let at = updated(&store, &at, 2).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    for (idle, requests) in [(29, 1), (31, 2)] {
        pass(Duration::from_secs(idle)).await;
        proxy.take_requests();
        assert_eq!(value(&store, &at).await.unwrap(), Some(2));
        assert_eq!(proxy.take_requests().len(), requests, "{idle} s");
    }

    // A firewall has forgotten the connection. Not even a create notices.
    for operation in 0..4 {
        let at = created_at_last(&store, 2).await;
        pass(MINUTE).await;
        proxy.inject(Fault::HoldReply);
        match operation {
            0 => assert_eq!(value(&store, &at).await.unwrap(), Some(2)),
            1 => _ = create(&store, 3).await,
            2 => _ = updated(&store, &at, 3).await,
            _ => store.delete(&at.id).await.unwrap(),
        }
        assert_eq!(proxy.pending_faults(), 0);
    }
}

/// Makes loads wait, each over a connection of its own.
const LOCK: &str = "LOCK TABLES sessile_sessions WRITE";

/// A store with several connections, which are no longer young.
async fn several_connections(server: &Server) -> (Store, At, BTreeSet<u64>) {
    let store = store(server).await;
    let at = create(&store, 1).await;
    let lock = engine::hold(server, LOCK).await;
    let loads = [(); 3].map(|()| {
        let (store, at) = (store.clone(), at.clone());
        tokio::spawn(async move { value(&store, &at).await.unwrap() })
    });
    until_locked_out(server, 3).await;
    lock.release().await;
    for load in loads {
        assert_eq!(in_time(load).await.unwrap(), Some(1));
    }
    let connections = open_connections(server);
    assert_eq!(connections.len(), 3, "{connections:?}");
    pass(Duration::from_secs(1)).await;
    (store, at, connections)
}

#[tokio::test]
async fn the_first_write_that_finds_the_server_read_only_ends_all_connections() {
    let server = Server::start().unwrap();
    let (store, at, before) = several_connections(&server).await;
    server.execute(engine::READ_ONLY).unwrap();
    let error = failed(update(&store, &at, 2).await);
    assert_eq!(error.kind(), Denied);
    assert!(!error.may_have_happened());
    until_closed(&server, &before).await;

    server.execute(engine::WRITABLE).unwrap();
    updated(&store, &at, 3).await;
}

#[tokio::test]
async fn no_write_fails_if_new_connections_lead_to_a_writable_server() {
    let server = Server::start().unwrap();
    let builder = engine::at_most(patient(server.url()).create_table(true), 1);
    let store = built(builder).await;
    let at = create(&store, 1).await;
    // The setting is for connections that are opened afterwards.
    server.execute("SET GLOBAL tx_read_only = 1").unwrap();
    let writable = open_connections(&server);
    pass(30 * MINUTE).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    until_closed(&server, &writable).await;
    let read_only = open_connections(&server);
    server.execute("SET GLOBAL tx_read_only = 0").unwrap();

    pass(Duration::from_secs(1)).await;
    updated(&store, &at, 2).await;
    until_closed(&server, &read_only).await;
}

/// Waits until so many connections of the store wait for a lock of the table. Returns their numbers.
async fn until_locked_out(server: &Server, many: usize) -> BTreeSet<u64> {
    in_time(async {
        loop {
            let waiting = numbers(server, "AND state LIKE 'Waiting for table%'");
            if waiting.len() == many {
                return waiting;
            }
            // Each question takes long on a busy machine, and new connections need several steps.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_in_use_while_another_finds_the_server_read_only_is_not_used_again() {
    let server = Server::start().unwrap();
    let builder = engine::at_most(patient(server.url()).create_table(true), 2);
    let store = built(builder).await;
    let at = create(&store, 1).await;
    let load = || {
        let (store, at) = (store.clone(), at.clone());
        // It may be locked out for too long.
        tokio::spawn(async move { _ = value(&store, &at).await })
    };
    pass(30 * MINUTE).await;
    let lock = engine::hold(&server, LOCK).await;
    server.execute("SET GLOBAL tx_read_only = 1").unwrap();
    let loads = [load(), load()];
    let read_only = until_locked_out(&server, 2).await;
    lock.release().await;
    for load in loads {
        in_time(load).await.unwrap();
    }
    server.execute("SET GLOBAL tx_read_only = 0").unwrap();
    pass(Duration::from_secs(1)).await;

    let lock = engine::hold(&server, LOCK).await;
    let load = load();
    until_locked_out(&server, 1).await;
    let write = tokio::spawn({
        let (store, at) = (store.clone(), at.clone());
        async move { _ = update(&store, &at, 2).await }
    });
    // It was refused on the other connection, and waits on a new one.
    let waiting = until_locked_out(&server, 2).await;
    assert!(!waiting.is_subset(&read_only));
    lock.release().await;
    in_time(load).await.unwrap();
    in_time(write).await.unwrap();
    value(&store, &at).await.unwrap();
    until_closed(&server, &read_only).await;
}

#[tokio::test]
async fn a_server_that_stays_read_only_is_not_connected_to_for_each_write() {
    const WRITES: u64 = 100;
    let server = Server::start().unwrap();
    let (store, at, _) = several_connections(&server).await;
    server.execute(engine::READ_ONLY).unwrap();
    let before = accepted(&server);
    for _ in 0..WRITES {
        assert_eq!(failed(update(&store, &at, 2).await).kind(), Denied);
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    }
    let opened = accepted(&server) - before;
    assert!(opened < WRITES / 2, "{opened}");
}

#[tokio::test]
async fn an_error_that_the_server_reports_costs_no_connection() {
    let server = Server::start().unwrap();
    let store = built(engine::at_most(patient(server.url()).create_table(true), 1)).await;
    let at = create(&store, 1).await;
    let before = open_connections(&server);
    for (change, back) in engine::COMPLAINTS {
        server.execute(change).unwrap();
        failed(update(&store, &at, 4_711_472).await);
        server.execute(back).unwrap();
    }
    updated(&store, &at, 2).await;
    assert_eq!(open_connections(&server), before);
}

#[tokio::test]
async fn a_killed_connection_is_noticed_and_replaced() {
    let server = Server::start().unwrap();
    let store = built(engine::at_most(patient(server.url()).create_table(true), 1)).await;
    let at = create(&store, 1).await;
    let kill = || {
        let open = open_connections(&server);
        for id in &open {
            server.execute(&format!("KILL {id}")).unwrap();
        }
        open
    };
    until_closed(&server, &kill()).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    until_closed(&server, &kill()).await;
    let at = updated(&store, &at, 2).await;
    until_closed(&server, &kill()).await;
    store.delete(&at.id).await.unwrap();
}

#[tokio::test]
async fn a_record_beyond_the_limit_of_the_server_is_refused_and_not_sent() {
    const MAX: usize = 1 << 20;
    let server = Server::start_with(&["max_allowed_packet=1M"]).unwrap();
    store(&server).await;
    let builder = engine::at_most(patient(server.url()), 1);
    let pool = engine::pool_of_one(&server.url()).await;
    for store in [
        built(builder).await,
        built(with_patience(Store::builder_pooled(pool))).await,
    ] {
        let at = create(&store, 1).await;
        let before = open_connections(&server);
        let of_size = |bytes: usize| {
            let mut large = signed_in_record();
            large.state.insert("long", "").unwrap();
            let rest = large.encode().len();
            large
                .state
                .insert("long", &"x".repeat(bytes - rest))
                .unwrap();
            assert_eq!(large.encode().len(), bytes);
            large
        };
        // The largest that is sent is accepted.
        let (largest, version) = (of_size(MAX - 1024), Version::generate());
        let updating = store.update(&at.id, at.version, &largest, version, MINUTE);
        assert_eq!(updating.await.unwrap(), UpdateOutcome::Updated);

        for bytes in [MAX - 1023, MAX, 2 * MAX, 20 * MAX] {
            let (large, new) = (of_size(bytes), Version::generate());
            let updating = store.update(&at.id, version, &large, new, MINUTE);
            let id = SessionId::generate();
            let creating = store.create(&id, &large, new, MINUTE);
            let write = SignInWrite::update(&at.id, version, &large, new, MINUTE);
            let signing_in = store.sign_in(write, SessionLimit::new(1).unwrap());
            for error in [
                failed(updating.await),
                failed(creating.await),
                failed(signing_in.await),
            ] {
                assert_eq!(error.kind(), TooLarge, "{bytes}");
                assert!(!error.may_have_happened(), "{bytes}");
                assert!(whole(&error).contains("`max_allowed_packet` is 1048576"));
            }
        }
        assert_eq!(open_connections(&server), before);
        let loaded = store.load(&at.id, None, Freshness::Current).await.unwrap();
        assert_eq!(loaded.unwrap().version, version);
    }
}

/// The record of a signed-in session with the longest label.
fn signed_in_record() -> Record {
    let text = record(2).encode();
    let label = "l".repeat(255);
    let members = format!(r#","sub":"ferris","in":1,"label":"{label}"}}"#);
    let text = text[..text.len() - 1].to_owned() + &members;
    Record::decode(text.as_bytes()).unwrap()
}
