//! Requests that share a connection.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use sessile::storage::{StoreErrorKind::Unavailable, UpdateOutcome};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        At, built, create, failed, in_time, store, try_create, update, updated, value, whole,
        with_patience,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_waits_delays_no_read() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let (at, other) = (create(&store, 1).await, create(&store, 2).await);
    // The standby does not exist, so no commit ends.
    for sql in [
        "ALTER SYSTEM SET synchronous_standby_names = 'missing'",
        "SELECT pg_reload_conf()",
    ] {
        server.execute(sql).unwrap();
    }
    // The server reads the setting a moment later. Until then, commits end.
    let is_over = Arc::new(AtomicBool::new(false));
    let updating = tokio::spawn({
        let (store, mut at, is_over) = (store.clone(), at, Arc::clone(&is_over));
        async move {
            while !is_over.load(SeqCst) {
                at = updated(&store, &at, 3).await;
            }
        }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    engine::until(&server, (waiting, "1\n"));

    for _ in 0..100 {
        let loaded = in_time(value(&store, &other)).await;
        assert_eq!(loaded.unwrap(), Some(2));
    }
    assert!(!updating.is_finished());
    is_over.store(true, SeqCst);
    for sql in [
        "ALTER SYSTEM RESET synchronous_standby_names",
        "SELECT pg_reload_conf()",
    ] {
        server.execute(sql).unwrap();
    }
    in_time(updating).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_delays_other_writes_only_until_its_own_fails() {
    let server = Server::start().unwrap();
    let builder = Store::builder(server.url()).create_table(true);
    let store = built(builder.response_timeout(Duration::from_secs(8))).await;
    let (locked, free) = (create(&store, 1).await, create(&store, 1).await);
    let lock = format!(
        "SELECT 1 FROM sessile_sessions WHERE id = {} FOR UPDATE",
        engine::id_literal(&locked.id)
    );
    let holder = engine::hold(&server, &lock).await;
    let (first, second) = tokio::join!(update(&store, &locked, 2), update(&store, &free, 2));
    assert!(!failed(first).may_have_happened());
    assert_eq!(second.unwrap(), UpdateOutcome::Updated);
    holder.release().await;
    updated(&store, &locked, 2).await;
}

/// Polls `future` so many times, and drops it.
pub(crate) async fn give_up_after(polls: usize, future: impl Future) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let is_over = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()));
        if is_over.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn survives_cancelled_requests(store: &Store) {
    let mut records = Vec::new();
    for number in 0..20 {
        records.push(create(store, number).await);
    }
    let record_count = u32::try_from(records.len()).unwrap();
    let tasks = (0..8).map(|task| {
        let (store, records) = (store.clone(), records.clone());
        tokio::spawn(async move {
            for round in 0..100 {
                let number = (task * 7 + round) % record_count;
                let at = &records[number as usize];
                let polls = round as usize % 5;
                match round % 3 {
                    0 => give_up_after(polls, value(&store, at)).await,
                    1 => give_up_after(polls, update(&store, &At::generate(), 999)).await,
                    _ => give_up_after(polls, try_create(&store, 999)).await,
                }
                // The reply is this request's own.
                assert_eq!(value(&store, at).await.unwrap(), Some(number));
                let at = create(&store, 1000 + number).await;
                let at = updated(&store, &at, 2000 + number).await;
                assert_eq!(value(&store, &at).await.unwrap(), Some(2000 + number));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        in_time(task).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_requests_leave_the_others_intact() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    value(&store, &at).await.unwrap();
    let before = processes(&server);
    survives_cancelled_requests(&store).await;
    // They close no connection.
    let after = processes(&server);
    assert!(after.iter().all(|process| before.contains(process)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_requests_leave_the_others_of_a_pool_intact() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(engine::pool(&server).await);
    let store = built(with_patience(builder.create_table(true))).await;
    survives_cancelled_requests(&store).await;
}

/// The processes of the server that serve the store.
fn processes(server: &Server) -> Vec<String> {
    let processes = "SELECT pid FROM pg_stat_activity WHERE usename = 'sessile'";
    let processes = server.execute(processes).unwrap();
    processes.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_statement_that_fails_has_no_effect_on_its_neighbours() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    let add = "ALTER TABLE sessile_sessions ADD CONSTRAINT c CHECK (record NOT LIKE '%4711%')";
    server.execute(add).unwrap();
    for _ in 0..20 {
        let bad = At::generate();
        let (one, two, three, four) = tokio::join!(
            try_create(&store, 1),
            try_create(&store, 4711),
            try_create(&store, 2),
            update(&store, &bad, 3),
        );
        one.unwrap();
        let error = failed(two);
        assert_eq!(error.kind(), Unavailable);
        assert!(!error.may_have_happened());
        three.unwrap();
        assert_eq!(four.unwrap(), UpdateOutcome::Missing);
    }
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_a_table_is_changed() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let done: Arc<[AtomicU32; 4]> = Arc::default();
    let tasks = (0..4).map(|task| {
        let (store, is_over, done) = (store.clone(), Arc::clone(&is_over), Arc::clone(&done));
        tokio::spawn(async move {
            let mut at = create(&store, 0).await;
            let mut number = 0;
            while !is_over.load(SeqCst) {
                let loaded = value(&store, &at).await;
                let loaded = loaded.unwrap_or_else(|error| panic!("{}", whole(&error)));
                assert_eq!(loaded, Some(number));
                number += 1;
                at = updated(&store, &at, number).await;
                done[task].fetch_add(1, SeqCst);
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for change in [
        "ALTER record TYPE varchar",
        "ADD COLUMN seen int",
        "ALTER record TYPE text",
        "DROP COLUMN seen",
    ]
    .repeat(3)
    {
        let before = done.iter().map(|it| it.load(SeqCst)).sum::<u32>();
        in_time(async {
            while done.iter().map(|it| it.load(SeqCst)).sum::<u32>() < before + 20 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let change = format!("ALTER TABLE sessile_sessions {change}");
        server.execute(&change).unwrap();
    }
    is_over.store(true, SeqCst);
    for task in tasks {
        in_time(task).await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_that_the_table_does_not_support_closes_no_connection() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    let complain = "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'unsupported' USING ERRCODE = '0A000'; END $$;
        CREATE TRIGGER complain BEFORE UPDATE ON sessile_sessions
            FOR EACH ROW EXECUTE FUNCTION complain()";
    server.execute(complain).unwrap();
    let before = processes(&server);
    let error = failed(update(&store, &at, 2).await);
    assert!(!error.may_have_happened());
    assert_eq!(processes(&server), before);
}

#[tokio::test]
async fn a_table_without_a_column_is_an_error_on_a_new_connection_as_well() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    server.execute(engine::RENAME_COLUMN).unwrap();
    let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sessile'";
    server.execute(close).unwrap();
    for _ in 0..2 {
        let error = failed(update(&store, &at, 2).await);
        let text = whole(&error);
        assert_eq!(
            error.kind(),
            sessile::storage::StoreErrorKind::Incompatible,
            "{text}"
        );
        assert!(text.contains("record"), "{text}");
    }
    let again = "ALTER TABLE sessile_sessions RENAME other TO record";
    server.execute(again).unwrap();
    in_time(async { while update(&store, &at, 2).await.is_err() {} }).await;
}
