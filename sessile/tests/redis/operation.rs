//! What an operator does: changes passwords, checks the health of a store, closes it.

use std::sync::{Arc, Mutex};

use deadpool_redis::{Config, Runtime};
use sessile::storage::{Credentials, ManagedStore as _, RedisSessionStore, StoreErrorKind};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{create, failed, in_time, kind, store, updated, value, whole},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_connection_signs_in_with_the_password_of_its_time() {
    let redis = Redis::start().unwrap();
    let set_password = |password: &str| {
        let password = format!(">{password}");
        let user = [
            "ACL",
            "SETUSER",
            "app",
            "on",
            "resetpass",
            &password,
            "~*",
            "+@all",
        ];
        assert!(redis.command(&user).unwrap().is_ok());
    };
    let current = Arc::new(Mutex::new(Some("first")));
    let known = Arc::clone(&current);
    set_password("first");
    let builder = RedisSessionStore::builder(redis.url()).credentials(move || {
        let password = *known.lock().unwrap();
        async move {
            let password = password.ok_or("the vault is sealed")?;
            Ok(Credentials::new("app", password))
        }
    });
    let store = builder.build().await.unwrap();
    let at = create(&store, 1).await;

    set_password("second");
    *current.lock().unwrap() = Some("second");
    let kill = || redis.command(&["CLIENT", "KILL", "USER", "app"]).unwrap();
    assert_eq!(kill().integer(), Some(1));
    let at = updated(&store, &at, 2).await;

    *current.lock().unwrap() = None;
    assert_eq!(kill().integer(), Some(1));
    let error = failed(value(&store, &at).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(
        whole(&error).contains("the vault is sealed"),
        "{}",
        whole(&error)
    );
}

/// How many clients the server has that are not of the rig.
fn clients(redis: &Redis) -> usize {
    let clients = redis
        .command(&["CLIENT", "LIST", "TYPE", "normal"])
        .unwrap();
    let clients = clients.text().unwrap();
    let lines = clients.lines();
    lines.filter(|line| !line.contains("user=rig")).count()
}

/// The store answers until it is closed, and closes its connections to `servers`.
async fn is_closed(store: RedisSessionStore, servers: &[Redis]) {
    let at = create(&store, 1).await;
    store.ping().await.unwrap();
    assert!(servers.iter().map(clients).sum::<usize>() > 0);
    store.clone().close().await.unwrap();
    in_time(async {
        while servers.iter().map(clients).sum::<usize>() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    for error in [failed(store.ping().await), failed(value(&store, &at).await)] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(!error.may_have_happened() && whole(&error).contains("closed"));
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_has_no_connections() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    is_closed(store, &[redis]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_has_no_connections_to_a_cluster() {
    let cluster = Cluster::start().unwrap();
    is_closed(store(url_of(&cluster)).await, cluster.nodes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_has_no_connections_to_a_master_and_to_sentinels() {
    let sentinel = Sentinel::start().unwrap();
    let store = store(url_of_master(&sentinel)).await;
    is_closed(store.clone(), sentinel.servers()).await;
    in_time(async {
        while sentinel.sentinels().iter().map(clients).sum::<usize>() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_keeps_its_pool() {
    let redis = Redis::start().unwrap();
    let pool = Config::from_url(redis.url()).create_pool(Some(Runtime::Tokio1));
    let pool = pool.unwrap();
    let first = RedisSessionStore::new_pooled(pool.clone()).await.unwrap();
    let at = create(&first, 1).await;
    first.ping().await.unwrap();
    first.close().await.unwrap();
    assert_eq!(kind(first.ping().await), StoreErrorKind::Unavailable);
    let second = RedisSessionStore::new_pooled(pool).await.unwrap();
    assert_eq!(value(&second, &at).await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_fails_while_the_server_is_down() {
    let mut redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    store.ping().await.unwrap();
    redis.kill().unwrap();
    assert_eq!(kind(store.ping().await), StoreErrorKind::Unavailable);
}

/// The names of the connections over the network. The rig uses a socket.
fn names(redis: &Redis) -> Vec<String> {
    let list = redis.command(&["CLIENT", "LIST"]).unwrap();
    let text = list.text().unwrap();
    let lines = text
        .lines()
        .filter(|line| line.contains(" addr=127.0.0.1:"));
    let names =
        lines.filter_map(|line| line.split(' ').find_map(|part| part.strip_prefix("name=")));
    names.map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_have_a_name() {
    let redis = Redis::start().unwrap();
    let address = format!("127.0.0.1:{}", redis.port());
    let default = store(address.as_str()).await;
    assert_eq!(names(&redis), ["sessile"]);
    default.close().await.unwrap();
    let named = store(format!("{address}?client_name=web-1")).await;
    in_time(async {
        while names(&redis) != ["web-1"] {
            tokio::task::yield_now().await;
        }
    })
    .await;
    named.close().await.unwrap();

    // A user without the right to set a name.
    let user = [
        "ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all", "-client",
    ];
    assert!(redis.command(&user).unwrap().is_ok());
    let unnamed = store(format!("redis://app:pass@{address}")).await;
    create(&unnamed, 1).await;
    in_time(async {
        while names(&redis) != [""] {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
