//! Tests for MySQL and MariaDB alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Instant,
};

use sessile::storage::{Credentials, StoreErrorKind::Misconfigured};
use sessile_rig::proxy::{Fault, Proxy};
use sqlx::{Executor as _, mysql::MySqlPoolOptions};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{built, create, in_time, patient, refused, store, value, with_patience},
};

#[tokio::test]
async fn a_pool_without_autocommit_is_refused() {
    let server = Server::start().unwrap();
    store(&server).await;
    let options = MySqlPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute("SET autocommit = 0").await?;
            Ok(())
        })
    });
    let pool = options.connect(&server.url()).await.unwrap();
    let (kind, text) = refused(Store::builder_pooled(pool)).await;
    assert_eq!(kind, Misconfigured, "{text}");
    assert!(text.contains("autocommit"), "{text}");
}

#[tokio::test]
async fn an_address_without_a_database_needs_the_setting() {
    let server = Server::start().unwrap();
    store(&server).await;
    let address = server.url();
    let (address, _) = address.rsplit_once('/').unwrap();
    let (kind, text) = refused(patient(address)).await;
    assert_eq!(kind, Misconfigured, "{text}");
    let store = built(patient(address).database("sessile")).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn an_address_may_name_a_unix_socket() {
    let server = Server::start().unwrap();
    let socket = server.folder().join("mariadb.sock");
    let address = format!("{}?socket={}", server.url(), socket.display());
    let store = built(patient(address).create_table(true)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

/// It may ask a service that is overloaded.
#[tokio::test]
async fn a_callback_for_credentials_that_fails_is_not_called_again_at_once() {
    let server = Server::start().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let of_callback = Arc::clone(&calls);
    let builder = patient(server.url()).create_table(true);
    let store = built(builder.credentials(move || {
        let is_first = of_callback.fetch_add(1, SeqCst) == 0;
        let first = is_first.then(|| Credentials::new("sessile", "secret"));
        async { first.ok_or_else(|| "the vault is sealed".into()) }
    }))
    .await;
    let at = create(&store, 1).await;
    assert_eq!(calls.load(SeqCst), 1);
    engine::cut_all(&server);
    let begun = Instant::now();
    let mut failed = 0;
    in_time(async {
        while failed < 100 {
            failed += u32::from(value(&store, &at).await.is_err());
        }
    })
    .await;
    let allowed = 1 + begun.elapsed().as_millis() / 500;
    let repeated = calls.load(SeqCst) - 1;
    assert!(u128::from(repeated) <= allowed, "{repeated} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_reply_is_not_reused() {
    let server = Server::start().unwrap();
    let at = create(&store(&server).await, 1).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let address = server.url_on(proxy.port());
    let pool = engine::pool_of_one(&address).await;
    for store in [
        built(patient(address).connections(1)).await,
        built(with_patience(Store::builder_pooled(pool.clone()))).await,
    ] {
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
        // The pool pings the server before it has its connection back.
        until(|| pool.num_idle() == 1).await;
        proxy.inject(Fault::HoldReply);
        let ours = tokio::spawn({
            let (store, at) = (store.clone(), at.clone());
            async move { value(&store, &at).await }
        });
        until(|| proxy.pending_faults() == 0).await;
        ours.abort();
        assert_eq!(in_time(value(&store, &at)).await.unwrap(), Some(1));
    }
}

async fn until(is_so: impl Fn() -> bool) {
    in_time(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
