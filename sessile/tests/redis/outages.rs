//! A server that hangs, fails and returns.

use std::time::{Duration, Instant};

use deadpool_redis::{Config, Runtime};
use sessile::storage::{RedisSessionStore, SessionStore as _, StoreErrorKind};
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{
    Stored, create, in_time, kind, store, try_create, until_it_works, update, updated, value,
};

/// The timeout is one second. The rest is for a busy machine: an operation without a timeout would never end.
const LIMIT: Duration = Duration::from_secs(5);

async fn pooled(redis: &Redis) -> RedisSessionStore {
    let config = Config::from_url(redis.url());
    let pool = config.create_pool(Some(Runtime::Tokio1)).unwrap();
    RedisSessionStore::new_pooled(pool).await.unwrap()
}

/// Every operation fails, within the timeout.
async fn all_fail(store: &RedisSessionStore, at: &Stored) {
    let begun = Instant::now();
    let (load, create, update, delete) = in_time(async {
        tokio::join!(
            value(store, at),
            try_create(store),
            update(store, at, 9),
            store.delete(&at.id)
        )
    })
    .await;
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    for kind in [kind(load), kind(create), kind(update), kind(delete)] {
        assert_eq!(kind, StoreErrorKind::Unavailable);
    }
}

async fn hangs_and_goes_on(mut redis: Redis, store: RedisSessionStore) {
    let at = create(&store, 1).await;
    redis.stop().unwrap();
    // A server that hangs may execute these when it goes on, so they must not change `at`.
    let elsewhere = Stored::nowhere();
    for _ in 0..3 {
        all_fail(&store, &elsewhere).await;
    }
    // As many as on a busy site. None waits for the others.
    let begun = Instant::now();
    let many = (0..500).map(|_| {
        let (store, at) = (store.clone(), at.clone());
        tokio::spawn(async move { value(&store, &at).await })
    });
    for load in many.collect::<Vec<_>>() {
        assert_eq!(
            kind(in_time(load).await.unwrap()),
            StoreErrorKind::Unavailable
        );
    }
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());

    redis.cont().unwrap();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    assert_eq!(
        value(&store, &at).await.unwrap(),
        Some(1),
        "the reply to another request"
    );
    let at = updated(&store, &at, 2).await;

    redis.stop().unwrap();
    all_fail(&store, &elsewhere).await;
    redis.kill().unwrap();
    redis.restart().unwrap();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    updated(&store, &at, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_in_time_while_the_server_hangs() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    hangs_and_goes_on(redis, store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_pool_fail_in_time_while_the_server_hangs() {
    let redis = Redis::start().unwrap();
    let store = pooled(&redis).await;
    hangs_and_goes_on(redis, store).await;
}

async fn dies_and_comes_back(mut redis: Redis, store: RedisSessionStore) {
    for round in 1..=3 {
        let at = create(&store, round).await;
        redis.kill().unwrap();
        let begun = Instant::now();
        for _ in 0..100 {
            let failure = in_time(value(&store, &at)).await;
            assert_eq!(kind(failure), StoreErrorKind::Unavailable);
        }
        // All at the same time, and not one after the other.
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
        redis.restart().unwrap();
        let waited = until_it_works(&store, &at).await;
        assert!(waited < Duration::from_secs(2), "{waited:?}");
        assert_eq!(value(&store, &at).await.unwrap(), Some(round));
        updated(&store, &at, 9).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_until_a_killed_server_returns() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    dies_and_comes_back(redis, store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_pool_fail_until_a_killed_server_returns() {
    let redis = Redis::start().unwrap();
    let store = pooled(&redis).await;
    dies_and_comes_back(redis, store).await;
}

/// The first refused write closes all connections, and is sent again over a new one. If that one is refused as well,
/// each write is sent only once for half a second.
#[tokio::test]
async fn writes_of_a_pool_are_sent_once_to_a_server_that_stays_read_only() {
    const WRITES: usize = 50;
    let redis = Redis::start().unwrap();
    let store = pooled(&redis).await;
    let replicate = redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert!(replicate.unwrap().is_ok());
    let reset = redis.command(&["CONFIG", "RESETSTAT"]);
    assert!(reset.unwrap().is_ok());
    let begun = Instant::now();
    for _ in 0..WRITES {
        let failure = in_time(try_create(&store)).await;
        assert_eq!(kind(failure), StoreErrorKind::Unavailable);
    }
    let reply = redis.command(&["INFO", "commandstats"]).unwrap();
    let statistics = reply.text().unwrap();
    let (_, of_set) = statistics.split_once("cmdstat_set:").unwrap();
    let (_, refused) = of_set.split_once("rejected_calls=").unwrap();
    let refused = refused.split(',').next().unwrap();
    let sent: usize = refused.parse().unwrap();
    let connected_again = 1 + begun.elapsed().as_millis() as usize / 500;
    assert!(sent >= WRITES && sent <= WRITES + connected_again, "{sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_between_two_requests_fails_no_load() {
    let mut redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let at = create(&store, 1).await;
    redis.kill().unwrap();
    redis.restart().unwrap();
    let many: Vec<_> = (0..20)
        .map(|_| {
            let (store, at) = (store.clone(), at.clone());
            tokio::spawn(async move { value(&store, &at).await.unwrap() })
        })
        .collect();
    for load in many {
        assert_eq!(in_time(load).await.unwrap(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_in_time_while_the_network_drops_all_packets() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let at = create(&store, 1).await;
    proxy.stall();
    // Requests that are dropped before the store's timeout contribute to the detection of a silent connection.
    in_time(async {
        let patience = Duration::from_millis(50);
        while tokio::time::timeout(patience, value(&store, &at))
            .await
            .is_err()
        {}
    })
    .await;
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(kind(value(&store, &at).await), StoreErrorKind::Unavailable);
        assert!(begun.elapsed() < LIMIT);
    }
    proxy.resume();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}

#[test]
fn a_store_survives_the_end_of_a_runtime() {
    let redis = Redis::start().unwrap();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (store, at) = runtime().block_on(async {
        let store = store(redis.url()).await;
        let at = create(&store, 1).await;
        (store, at)
    });
    for _ in 0..3 {
        let loaded = runtime().block_on(value(&store, &at));
        assert_eq!(loaded.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_connection_that_a_firewall_forgot_fails_no_request() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let at = create(&store, 1).await;
    proxy.forget();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(90)).await;
    tokio::time::resume();
    updated(&store, &at, 2).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_a_replica_is_reconnected_to_after_pauses() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let at = create(&store, 1).await;
    let master = sessile_rig::free_port().unwrap().to_string();
    let demoted = redis.command(&["REPLICAOF", "127.0.0.1", &master]);
    assert!(demoted.unwrap().is_ok());
    proxy.take_requests();
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(
            kind(update(&store, &at, 2).await),
            StoreErrorKind::Unavailable
        );
    }
    // Each connection begins with this command.
    let requests = proxy.take_requests();
    let connections = requests.iter().filter(|&it| it == "INFO").count() as u128;
    // One at once, one after each pause of at least 25 ms, and at most one of them unfinished.
    let most = 2 + begun.elapsed().as_millis() / 25;
    assert!(connections >= 1 && connections <= most, "{connections}");

    let promoted = redis.command(&["REPLICAOF", "NO", "ONE"]);
    assert!(promoted.unwrap().is_ok());
    let waited = until_it_works(&store, &at).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    updated(&store, &at, 2).await;
}
