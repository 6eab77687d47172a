//! The sessions of a subject, on all kinds of connections.

use sessile::storage::{
    SessionId, SessionLimit, SignInOutcome, SignInWrite, SubjectStore as _, UpdateOutcome, Version,
};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{MINUTE, built, in_time, store, with_patience},
    subject_scenarios::{create, guest, listed, scenarios, subject, update, user},
};

const SUBJECT: &str = "ferris";

/// A store over a pool of the application's own.
async fn pooled(server: &Server) -> Store {
    let pool = engine::pool(server).await;
    built(with_patience(
        Store::builder_pooled(pool).create_table(true),
    ))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_pool() {
    let server = Server::start().unwrap();
    let pooled = pooled(&server).await;
    scenarios(&[pooled.clone(), store(&server).await]).await;
    scenarios(&[pooled.clone(), pooled]).await;
}

/// Waits until so many transactions are open.
fn until_open(server: &Server, transactions: u32) {
    let open = "SELECT count(*) FROM information_schema.innodb_trx";
    engine::until(server, (open, &format!("{transactions}\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_sign_ins_leave_no_transaction_open() {
    let server = Server::start().unwrap();
    for store in [store(&server).await, pooled(&server).await] {
        let limit = SessionLimit::new(3).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..4 {
            let store = store.clone();
            tasks.spawn(async move {
                for polls in 0..40 {
                    let (id, user) = (SessionId::generate(), user(SUBJECT, task, "sid"));
                    let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
                    give_up_after(polls % 20, store.sign_in(write, limit)).await;
                    let id = SessionId::generate();
                    let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
                    let outcome = store.sign_in(write, limit).await.unwrap();
                    assert!(matches!(outcome, SignInOutcome::Stored { .. }));
                }
            });
        }
        in_time(tasks.join_all()).await;
        until_open(&server, 0);
        assert_eq!(listed(&store, SUBJECT).await.len(), 3);
    }
}

/// Polls `future` so often, and drops it if it has not ended.
async fn give_up_after(polls: u32, future: impl Future) {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 || future.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        std::task::Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_that_fails_leaves_no_transaction_open() {
    let server = Server::start().unwrap();
    // For the connections of the pool. Those of the store itself wait for a lock for two seconds at most.
    let timeout = "SET GLOBAL innodb_lock_wait_timeout = 2";
    server.execute(timeout).unwrap();
    let limit = SessionLimit::new(3).unwrap();
    for store in [store(&server).await, pooled(&server).await] {
        let session = create(&store, &guest()).await;
        let user = user(&subject(), 7, "sid");
        let version = Version::generate();
        let write = SignInWrite::update(&session.0, session.1, &user, version, MINUTE);
        let id = engine::id_literal(&session.0);
        let lock = format!("SELECT 1 FROM sessile_sessions WHERE id = {id} FOR UPDATE");
        let holder = engine::hold(&server, &lock).await;
        store.sign_in(write, limit).await.unwrap_err();
        until_open(&server, 1);
        holder.release().await;
        assert!(matches!(
            store.sign_in(write, limit).await.unwrap(),
            SignInOutcome::Stored { .. }
        ));
    }
}

#[tokio::test]
async fn searches_use_an_index() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    server.execute(&engine::insert_expired(10_000)).unwrap();
    server
        .execute(
            "INSERT INTO sessile_sessions_marks (subject, at, expires_at)
             SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 1, 1 FROM seq_1_to_10000",
        )
        .unwrap();
    let session = create(&store, &user(SUBJECT, 7, "sid")).await;
    let before = reads(&server);
    let found = std::slice::from_ref(&session.0);
    assert_eq!(listed(&store, SUBJECT).await, found);
    assert_eq!(store.find_by_label("sid").await.unwrap(), found);
    assert_eq!(
        update(&store, &session, &user(SUBJECT, 7, "sid")).await,
        UpdateOutcome::Updated
    );
    // The server counts its own statistics as well.
    assert!(reads(&server) - before < 5000);
}

/// The number of rows that the server has read.
fn reads(server: &Server) -> u64 {
    let count = "SELECT CAST(SUM(variable_value) AS UNSIGNED) FROM information_schema.global_status
        WHERE variable_name IN ('HANDLER_READ_NEXT', 'HANDLER_READ_RND_NEXT', 'HANDLER_READ_KEY')";
    server.execute(count).unwrap().trim().parse().unwrap()
}
