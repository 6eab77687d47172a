//! Requests of one session that run at once, from several servers, on every kind of Redis.

use deadpool_redis::{Config, Runtime};
use sessile::{
    SealingKey, Session, SessionManager, SetCookie, Settings, storage::RedisSessionStore,
};
use sessile_rig::redis::{Cluster, Redis, Sentinel};
use tokio::task::JoinSet;

use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{in_time, near_store, store},
};

const ROUNDS: usize = 10;
const MANY: usize = 20;

type Server = SessionManager<RedisSessionStore>;

fn header(cookie: Option<SetCookie>) -> String {
    let cookie = cookie.expect("a cookie");
    cookie.as_str().split(';').next().unwrap().to_owned()
}

async fn new_session(server: &Server) -> String {
    let nothing: [&[u8]; 0] = [];
    let session = server.open(nothing).await.unwrap();
    session.insert("before", 1).unwrap();
    header(server.commit(&session).await.unwrap())
}

async fn writes_are_all_kept(servers: &[Server], observer: &Server) {
    let cookie = new_session(&servers[0]).await;
    let mut requests = JoinSet::new();
    for number in 0..MANY {
        let (server, cookie) = (servers[number % servers.len()].clone(), cookie.clone());
        requests.spawn(async move {
            let session = server.open([cookie.as_bytes()]).await.unwrap();
            session.insert(format!("own{number}"), number).unwrap();
            session.update_or("sum", 1, |sum: u32| sum + 1).unwrap();
            server.commit(&session).await.unwrap();
        });
    }
    requests.join_all().await;
    let session = observer.open([cookie.as_bytes()]).await.unwrap();
    assert_eq!(session.get::<usize>("sum").unwrap(), Some(MANY));
    for number in 0..MANY {
        assert_eq!(session.get(&format!("own{number}")).unwrap(), Some(number));
    }
    assert_eq!(session.get("before").unwrap(), Some(1));
}

/// The session of `cookie`, opened by so many requests.
async fn open_many(servers: &[Server], cookie: &str) -> Vec<(usize, Server, Session)> {
    let mut opened = Vec::new();
    for number in 0..MANY {
        let server = servers[number % servers.len()].clone();
        let session = server.open([cookie.as_bytes()]).await.unwrap();
        opened.push((number, server, session));
    }
    opened
}

async fn a_logout_is_final(servers: &[Server], observer: &Server) {
    let cookie = new_session(&servers[0]).await;
    let mut requests = JoinSet::new();
    for (number, server, session) in open_many(servers, &cookie).await {
        requests.spawn(async move {
            match number {
                10 => session.purge(),
                5 | 15 => session.renew(),
                _ => session.insert("late", number).unwrap(),
            }
            let set_cookie = server.commit(&session).await.unwrap();
            set_cookie.map(|cookie| header(Some(cookie)))
        });
    }
    let sent = requests.join_all().await;
    for cookie in sent.into_iter().flatten().chain([cookie]) {
        let session = observer.open([cookie.as_bytes()]).await.unwrap();
        assert!(session.entries().is_empty(), "it came back");
    }
}

async fn a_login_is_final(servers: &[Server], observer: &Server) {
    let before = new_session(&servers[0]).await;
    let mut requests = JoinSet::new();
    for (number, server, session) in open_many(servers, &before).await {
        requests.spawn(async move {
            if number % 5 == 0 {
                session.insert("user", number).unwrap();
                session.renew();
            } else {
                session.insert("late", number).unwrap();
            }
            server
                .commit(&session)
                .await
                .unwrap()
                .map(|cookie| (number, header(Some(cookie))))
        });
    }
    let sent = requests.join_all().await;
    let session = observer.open([before.as_bytes()]).await.unwrap();
    assert!(
        session.entries().is_empty(),
        "the old cookie leads to what is behind the login"
    );
    // One of them got through, and its cookie leads to what it stored.
    let mut logged_in = Vec::new();
    for (number, cookie) in sent.into_iter().flatten() {
        let session = observer.open([cookie.as_bytes()]).await.unwrap();
        if !session.entries().is_empty() {
            assert_eq!(session.get("user").unwrap(), Some(number));
            assert_eq!(session.get("before").unwrap(), Some(1));
            logged_in.push(number);
        }
    }
    assert_eq!(logged_in.len(), 1, "{logged_in:?}");
}

/// All races, between two servers that share nothing but Redis.
async fn race(stores: [RedisSessionStore; 2]) {
    let observer = stores[0].clone();
    race_before(stores, observer).await;
}

/// All races, and another server to see what came of them.
async fn race_before(stores: [RedisSessionStore; 2], observer: RedisSessionStore) {
    let key = SealingKey::generate();
    let mut settings = Settings::default();
    // However slow the machine, no store is given up.
    settings.store_timeout = actix_web::cookie::time::Duration::seconds(100);
    let server = |store| SessionManager::new(store, key.clone(), settings.clone()).unwrap();
    let (servers, observer) = (stores.map(server), server(observer));
    for _ in 0..ROUNDS {
        in_time(writes_are_all_kept(&servers, &observer)).await;
        in_time(a_logout_is_final(&servers, &observer)).await;
        in_time(a_login_is_final(&servers, &observer)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    race([store(redis.url()).await, store(redis.url()).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_behind_near_caches() {
    let redis = Redis::start().unwrap();
    let near = [near_store(redis.url()).await, near_store(redis.url()).await];
    race_before(near, store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_behind_near_caches() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let near = [near_store(url.clone()).await, near_store(url.clone()).await];
    race_before(near, store(url).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let pool = || {
        let config = Config::from_url(redis.url());
        RedisSessionStore::new_pooled(config.create_pool(Some(Runtime::Tokio1)).unwrap())
    };
    race([pool().await.unwrap(), pool().await.unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    race([store(url.clone()).await, store(url).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    let url = url_of_master(&sentinel);
    race([store(url.clone()).await, store(url).await]).await;
}

#[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls() {
    use sessile_rig::redis::TlsRedis;

    let redis = TlsRedis::start().unwrap();
    let connect = || {
        let builder = RedisSessionStore::builder(redis.url());
        builder.tls_root_certificates(redis.ca_pem()).build()
    };
    race([connect().await.unwrap(), connect().await.unwrap()]).await;
}
