//! The sessions of a subject, on all kinds of connections.

use std::time::Duration;

use sessile::storage::{
    SessionId, SessionLimit, SessionStore as _, SignInOutcome, SignInWrite, SubjectDigest,
    SubjectStore as _, UpdateOutcome, Version,
};
use sessile_rig::pgbouncer::PgBouncer;
use sqlx::postgres::PgPoolOptions;

use crate::{
    engine::{self, Server, Store},
    pipeline::give_up_after,
    sql::setup::{MINUTE, built, failed, in_time, patient, store, with_patience},
    subject_scenarios::{create, guest, listed, scenarios, update, user},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_pools() {
    let server = Server::start().unwrap();
    let pool = engine::pool(&server).await;
    let deadpool = built(with_patience(
        Store::builder_pooled(pool).create_table(true),
    ))
    .await;
    scenarios(&[deadpool, store(&server).await]).await;
    let sqlx = PgPoolOptions::new().max_connections(5);
    let sqlx = sqlx.connect(&server.url()).await.unwrap();
    let sqlx = built(with_patience(Store::builder_pooled(sqlx))).await;
    scenarios(&[sqlx.clone(), sqlx]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler() {
    let server = Server::start().unwrap();
    store(&server).await;
    let pooler = PgBouncer::start(&server, &["default_pool_size = 3"]).unwrap();
    let own = built(patient(pooler.url()).behind_pooler(true)).await;
    let other = built(patient(pooler.url()).behind_pooler(true)).await;
    scenarios(&[own.clone(), other]).await;
    let pool = Store::builder_pooled(engine::pool_at(&pooler.url(), 5)).behind_pooler(true);
    let pool = built(with_patience(pool)).await;
    scenarios(&[pool, own]).await;
}

const SUBJECT: &str = "ferris";

fn limit() -> SessionLimit {
    SessionLimit::new(3).unwrap()
}

/// Holds the lock of the subject.
async fn lock(server: &Server) -> engine::Holder {
    let digest = SubjectDigest::of(SUBJECT);
    let number = i64::from_be_bytes(*digest.as_bytes().first_chunk().unwrap());
    engine::hold(server, &format!("SELECT pg_advisory_xact_lock({number})")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_waits_for_another_delays_nothing_else() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let session = create(&store, &guest()).await;
    let holder = lock(&server).await;
    let signing_in = tokio::spawn({
        let store = store.clone();
        async move {
            let (id, user) = (SessionId::generate(), user(SUBJECT, 7, "sid"));
            let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
            // A statement waits for a lock for two seconds at most.
            loop {
                if let Ok(outcome) = store.sign_in(write, limit()).await {
                    return outcome;
                }
            }
        }
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    engine::until(&server, (waiting, "1\n"));
    assert_eq!(
        update(&store, &session, &guest()).await,
        UpdateOutcome::Updated
    );
    assert_eq!(listed(&store, SUBJECT).await, []);
    holder.release().await;
    let displaced = Vec::new();
    assert_eq!(
        in_time(signing_in).await.unwrap(),
        SignInOutcome::Stored { displaced }
    );
    assert_eq!(listed(&store, SUBJECT).await.len(), 1);
}

#[tokio::test]
async fn a_sign_in_that_gets_no_lock_was_not_stored() {
    let server = Server::start().unwrap();
    let builder = Store::builder(server.url()).create_table(true);
    let store = built(builder.response_timeout(Duration::from_secs(8))).await;
    let holder = lock(&server).await;
    let (id, user) = (SessionId::generate(), user(SUBJECT, 7, "sid"));
    let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
    let error = failed(store.sign_in(write, limit()).await);
    assert!(!error.may_have_happened());
    holder.release().await;
    // The connection has no open transaction.
    let displaced = Vec::new();
    let stored = SignInOutcome::Stored { displaced };
    assert_eq!(store.sign_in(write, limit()).await.unwrap(), stored);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    assert_eq!(server.execute(open).unwrap(), "0\n");
}

async fn survives_dropped_sign_ins(server: &Server, store: Store) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let store = store.clone();
        tasks.spawn(async move {
            for polls in 0..40 {
                let (id, user) = (SessionId::generate(), user(SUBJECT, task, "sid"));
                let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
                give_up_after(polls % 8, store.sign_in(write, limit())).await;
                let id = SessionId::generate();
                let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
                let outcome = store.sign_in(write, limit()).await.unwrap();
                assert!(matches!(outcome, SignInOutcome::Stored { .. }));
            }
        });
    }
    in_time(tasks.join_all()).await;
    assert_eq!(listed(&store, SUBJECT).await.len(), 3);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    engine::until(server, (open, "0\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_sign_ins_leave_no_transaction_open() {
    let server = Server::start().unwrap();
    survives_dropped_sign_ins(&server, store(&server).await).await;
    let pool = engine::pool(&server).await;
    let deadpool = built(with_patience(Store::builder_pooled(pool))).await;
    survives_dropped_sign_ins(&server, deadpool).await;
    let sqlx = PgPoolOptions::new().max_connections(5);
    let sqlx = sqlx.connect(&server.url()).await.unwrap();
    let sqlx = built(with_patience(Store::builder_pooled(sqlx))).await;
    survives_dropped_sign_ins(&server, sqlx).await;
}

#[tokio::test]
async fn updates_of_signed_in_sessions_touch_no_index() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let user = user(SUBJECT, 7, "sid");
    let mut sessions = Vec::new();
    for _ in 0..100 {
        sessions.push(create(&store, &user).await);
    }
    let (id, mut version) = sessions.swap_remove(50);
    for _ in 0..100 {
        let next = Version::generate();
        let updating = store.update(&id, version, &user, next, 60 * MINUTE);
        assert_eq!(updating.await.unwrap(), UpdateOutcome::Updated);
        version = next;
    }
    // A connection reports its statistics when it is closed.
    drop(store);
    let counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
        WHERE relname = 'sessile_sessions'";
    engine::until(&server, (counts, "100|100\n"));
}

#[tokio::test]
async fn lists_search_an_index() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    server.execute(&engine::insert_expired(10_000)).unwrap();
    create(&store, &user(SUBJECT, 7, "sid")).await;
    server.execute("ANALYZE sessile_sessions").unwrap();
    for (column, index) in [
        ("subject", "sessile_sessions_subject"),
        ("label", "sessile_sessions_label"),
    ] {
        // As in a plan that is made without the value.
        let plan = format!(
            "SET plan_cache_mode = force_generic_plan;
             PREPARE it (bytea) AS SELECT id FROM sessile_sessions WHERE {column} = $1;
             EXPLAIN EXECUTE it ('')"
        );
        let plan = server.execute(&plan).unwrap();
        assert!(plan.contains(index), "{plan}");
    }
}
