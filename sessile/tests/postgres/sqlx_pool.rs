//! Pools of `sqlx`.

use sessile::{
    storage::{SessionStore as _, StoreErrorKind::Misconfigured},
    test_helpers::acceptance_test_suite,
};
use sessile_rig::proxy::{Fault, Proxy};
use sqlx::postgres::PgPoolOptions;

use crate::{
    engine::{self, Server, Store},
    sql::{
        failover::reads_leave_the_former_server,
        kills::dies_and_comes_back,
        setup::{
            At, MINUTE, built, create, failed, in_time, record, refused, rows, try_create, update,
            updated, value, whole, with_patience,
        },
        timeouts::hangs_and_goes_on,
    },
};

async fn pool(address: &str) -> sqlx::PgPool {
    let options = PgPoolOptions::new().max_connections(5);
    options.connect(address).await.unwrap()
}

#[actix_web::test]
async fn the_suite_passes() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(pool(&server.url()).await);
    let store = built(with_patience(builder.create_table(true))).await;
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_in_time_while_the_server_hangs_or_is_down() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(pool(&server.url()).await);
    hangs_and_goes_on(server, built(builder.create_table(true)).await).await;
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(pool(&server.url()).await);
    dies_and_comes_back(server, built(builder.create_table(true)).await, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_reply_is_not_reused() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let options = PgPoolOptions::new().max_connections(1);
    let pool = options
        .test_before_acquire(false)
        .connect(&server.url_on(proxy.port()))
        .await;
    let pool = pool.unwrap();
    let builder = Store::builder_pooled(pool.clone()).create_table(true);
    let store = built(with_patience(builder)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    // The pool pings the server before it has its connection back.
    in_time(async {
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    proxy.inject(Fault::HoldReply);
    let ours = tokio::spawn({
        let (store, at) = (store.clone(), at.clone());
        async move { value(&store, &at).await }
    });
    in_time(async {
        while proxy.pending_faults() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    ours.abort();
    assert_eq!(in_time(value(&store, &at)).await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_leave_a_former_primary() {
    let connect = async |address: &str| {
        let pool = pool(address).await;
        let store = built(with_patience(Store::builder_pooled(pool.clone()))).await;
        (store, move || {
            u32::try_from(pool.num_idle()) == Ok(pool.size())
        })
    };
    reads_leave_the_former_server(connect).await;
}

#[tokio::test]
async fn errors_have_their_kinds_and_no_values() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(pool(&server.url()).await);
    let store = built(builder.create_table(true)).await;
    let at = create(&store, 4_711_471).await;
    for (change, back) in engine::COMPLAINTS {
        server.execute(change).unwrap();
        let error = failed(update(&store, &at, 4_711_472).await);
        assert!(!error.may_have_happened());
        assert!(!whole(&error).contains("4711472"), "{}", whole(&error));
        server.execute(back).unwrap();
    }
    let at = updated(&store, &at, 2).await;
    store.delete(&at.id).await.unwrap();
    assert_eq!(rows(&server), 0);
    server.execute(&engine::insert_expired(10)).unwrap();
    assert_eq!(store.delete_expired(100).await.unwrap(), 10);
    let at = At::generate();
    let (one, two) = (record(1), record(2));
    let create = |record| store.create(&at.id, record, at.version, MINUTE);
    create(&one).await.unwrap();
    assert_eq!(
        create(&two).await.unwrap(),
        sessile::storage::CreateOutcome::Taken
    );
    try_create(&store, 3).await.unwrap();
}

#[tokio::test]
async fn it_does_not_work_behind_a_pooler() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(pool(&server.url()).await);
    let (kind, text) = refused(builder.behind_pooler(true)).await;
    assert_eq!(kind, Misconfigured);
    assert!(text.contains("sqlx"), "{text}");
}
