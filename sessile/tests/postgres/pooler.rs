//! PgBouncer in transaction mode: each statement may get another connection to the server.

use sessile::{
    storage::{
        SessionStore as _,
        StoreErrorKind::{Misconfigured, Unknown},
    },
    test_helpers::acceptance_test_suite,
};
use sessile_rig::pgbouncer::PgBouncer;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::{
    engine::{self, Server, Store, connect},
    pair::Pair,
    sql::setup::{
        At, built, create, failed, in_time, patient, refused, store, try_create, update, updated,
        value, whole, with_patience,
    },
};

/// Accepts the parameters that the store sends for direct connections.
const IGNORE: &str = "ignore_startup_parameters = options";

fn behind(pooler: &PgBouncer) -> String {
    format!("{}?behind_pooler=true&create_table=true", pooler.url())
}

#[actix_web::test]
async fn the_suite_passes_behind_a_pooler() {
    let server = Server::start().unwrap();
    let pooler = PgBouncer::start(&server, &["default_pool_size = 3"]).unwrap();
    let store = built(patient(behind(&pooler))).await;
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[actix_web::test]
async fn the_suite_passes_with_a_pool_behind_a_pooler() {
    let server = Server::start().unwrap();
    let pooler = PgBouncer::start(&server, &["default_pool_size = 3"]).unwrap();
    let pool = engine::pool_at(&pooler.url(), 5);
    let builder = with_patience(Store::builder_pooled(pool)).behind_pooler(true);
    let store = built(builder.create_table(true)).await;
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_share_the_connections_of_a_pooler() {
    let server = Server::start().unwrap();
    let pooler = PgBouncer::start(&server, &["default_pool_size = 2"]).unwrap();
    let mut tasks = Vec::new();
    for number in 0..4 {
        let builder = patient(behind(&pooler)).table(format!("table_{number}"));
        let store = built(builder).await;
        tasks.push(tokio::spawn(async move {
            let at = create(&store, number).await;
            for _ in 0..100 {
                assert_eq!(value(&store, &at).await.unwrap(), Some(number));
                updated(&store, &create(&store, 0).await, 9).await;
            }
        }));
    }
    for task in tasks {
        in_time(task).await.unwrap();
    }
}

#[tokio::test]
async fn a_pooler_that_refuses_parameters_is_an_error_that_names_the_setting() {
    let server = Server::start().unwrap();
    let pooler = PgBouncer::start(&server, &[]).unwrap();
    let (kind, text) = refused(patient(pooler.url())).await;
    assert_eq!(kind, Misconfigured, "{text}");
    assert!(text.contains("`behind_pooler(true)`"), "{text}");
}

/// A store without the setting, behind a pooler with two connections to the server.
struct Scene {
    server: Server,
    pooler: PgBouncer,
    store: Store,
    at: At,
    /// A transaction on the connection on which nothing is prepared.
    other: Client,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().unwrap();
        let at = create(&store(&server).await, 1).await;
        let pooler = PgBouncer::start(&server, &["default_pool_size = 2", IGNORE]).unwrap();
        let first = begin(&pooler).await;
        let other = begin(&pooler).await;
        first.batch_execute("COMMIT").await.unwrap();
        // Only the first connection is free, so the statements are prepared there.
        let store = built(patient(pooler.url())).await;
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
        let at = updated(&store, &at, 2).await;
        Self {
            server,
            pooler,
            store,
            at,
            other,
        }
    }

    /// Makes the pooler use the other connection from now on. The first one is in use while the result lives.
    async fn change(&self) -> Client {
        let first = begin(&self.pooler).await;
        self.other.batch_execute("COMMIT").await.unwrap();
        first
    }
}

async fn begin(pooler: &PgBouncer) -> Client {
    let client = connect(&pooler.url()).await;
    client.batch_execute("BEGIN").await.unwrap();
    client
}

/// The order of commands that PgBouncer's manual gives for replacing a server.
#[tokio::test]
async fn no_request_fails_while_a_paused_pooler_gets_another_server() {
    let mut pair = Pair::start();
    store(&pair.primary).await;
    let pooler = PgBouncer::start(&pair.primary, &["admin_users = sessile"]).unwrap();
    let console = connect(&pooler.console_url()).await;
    let store = built(patient(behind(&pooler))).await;
    let (at, ended) = (create(&store, 1).await, create(&store, 1).await);
    store.delete(&ended.id).await.unwrap();

    console.batch_execute("PAUSE").await.unwrap();
    let waiting = tokio::spawn({
        let (store, at) = (store.clone(), at.clone());
        async move { updated(&store, &at, 2).await }
    });
    in_time(async { while !is_waiting(&console).await {} }).await;
    pair.promote(true);
    pooler.reconfigure(&pair.replica).unwrap();
    console.batch_execute("RELOAD").await.unwrap();
    console.batch_execute("RESUME").await.unwrap();
    let at = in_time(waiting).await.unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    assert_eq!(value(&store, &ended).await.unwrap(), None);
    // It was stored on the new server.
    let direct = built(patient(pair.replica.url())).await;
    assert_eq!(value(&direct, &at).await.unwrap(), Some(2));
}

/// Whether a client of the pooler waits for a connection to the server.
async fn is_waiting(console: &Client) -> bool {
    let pools = console.simple_query("SHOW POOLS").await.unwrap();
    pools.iter().any(|message| match message {
        SimpleQueryMessage::Row(pool) => {
            pool.get("database") == Some("sessile") && pool.get("cl_waiting") != Some("0")
        }
        _ => false,
    })
}

/// More names than the connections of this process use.
const NAMES: u32 = 3000;

#[tokio::test]
async fn the_statement_of_another_client_is_detected() {
    for body in [
        "SELECT 1::bigint, 2::bigint, 3::bigint, 'text' WHERE $1::bytea IS NOT NULL",
        "SELECT WHERE $1::bytea IS NOT NULL",
        "SELECT WHERE $1::bytea IS NULL",
        "DELETE FROM sessile_sessions WHERE id = $1 RETURNING version",
    ] {
        let scene = Scene::new().await;
        let names = format!(
            "DO $do$ BEGIN FOR it IN 0..{NAMES} LOOP
                 EXECUTE format($$PREPARE s%s AS {body}$$, it);
             END LOOP; END $do$"
        );
        scene.other.batch_execute(&names).await.unwrap();
        let _first = scene.change().await;
        for error in [
            failed(value(&scene.store, &At::generate()).await),
            failed(scene.store.delete(&At::generate().id).await),
        ] {
            let text = whole(&error);
            assert_eq!(error.kind(), Unknown, "{text}");
            assert!(error.may_have_happened());
            assert!(text.contains("`behind_pooler(true)`"), "{text}");
        }
        // Here the number of parameters differs.
        let error = failed(update(&scene.store, &scene.at, 3).await);
        assert_eq!(error.kind(), Misconfigured);
        assert!(!error.may_have_happened());
        let kept = value(&store(&scene.server).await, &scene.at).await;
        assert_eq!(kept.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn a_lost_statement_is_detected() {
    let scene = Scene::new().await;
    let _first = scene.change().await;
    let error = failed(update(&scene.store, &scene.at, 3).await);
    assert_eq!(error.kind(), Misconfigured);
    assert!(!error.may_have_happened());
    assert!(whole(&error).contains("`behind_pooler(true)`"));
    // A new connection prepares it again, and keeps it until the next change.
    try_create(&scene.store, 3).await.unwrap();
}
