//! The near cache: which loads it answers, and that every change reaches it.

mod outages;
mod refusals;
mod stress;
mod workers;
mod writes;

use std::time::{Duration, Instant};

use sessile::storage::{
    CreateOutcome, Freshness, NearCacheConfig, RedisSessionStore, SessionStore as _,
};
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{
    MINUTE, Stored, create, current_value, in_time, near_store, record, store, until_it_works,
    updated, value,
};

/// A server of the application with a near cache, whose requests a proxy records, and another one without.
struct Scene {
    redis: Redis,
    proxy: Proxy,
    near: RedisSessionStore,
    other: RedisSessionStore,
}

impl Scene {
    async fn new() -> Self {
        Self::with(NearCacheConfig::default().max_staleness(Duration::from_secs(3600))).await
    }

    async fn with(config: NearCacheConfig) -> Self {
        let redis = Redis::start().unwrap();
        let proxy = Proxy::start(redis.port()).unwrap();
        let builder = RedisSessionStore::builder(format!("127.0.0.1:{}", proxy.port()));
        let near = in_time(builder.near_cache(config).build()).await;
        let other = store(redis.url()).await;
        Self {
            redis,
            proxy,
            near: near.unwrap(),
            other,
        }
    }

    /// A session that `near` has read.
    async fn known(&self, number: u32) -> Stored {
        let at = create(&self.other, number).await;
        assert_eq!(value(&self.near, &at).await.unwrap(), Some(number));
        at
    }

    /// The commands that a load sends.
    async fn cost(&self, at: &Stored) -> Vec<String> {
        self.proxy.take_requests();
        value(&self.near, at).await.unwrap();
        self.proxy.take_requests()
    }

    /// Ends the connection of `near`, and waits until `other` works again.
    async fn cut(&self, place: &str, at: &Stored) {
        match place {
            "at the proxy" => self.proxy.cut(),
            _ => {
                let kill = &["CLIENT", "KILL", "TYPE", "normal"];
                self.redis.command(kill).unwrap();
                until_it_works(&self.other, at).await;
            }
        }
    }

    /// Waits until the change of `at` to `expected` has arrived, and checks that it stays.
    async fn arrives(&self, at: &Stored, expected: Option<u32>) {
        until(&self.near, at, expected).await;
    }

    /// Waits until a load sends no command: the announcement of an own write may discard the first one.
    async fn is_cached(&self, at: &Stored) {
        in_time(async { while self.cost(at).await != HIT {} }).await;
    }
}

/// Waits until `store` loads `expected`, and checks that it loads the same from then on.
async fn until(store: &RedisSessionStore, at: &Stored, expected: Option<u32>) {
    in_time(async {
        while !matches!(value(store, at).await, Ok(found) if found == expected) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..20 {
        assert_eq!(value(store, at).await.unwrap(), expected, "it came back");
    }
}

const MISS: [&str; 2] = ["GET", "PTTL"];
const HIT: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_read_costs_no_command() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;
    assert_eq!(scene.cost(&at).await, MISS);
    for _ in 0..100 {
        assert_eq!(scene.cost(&at).await, HIT);
    }
    let cached = scene.near.load(&at.id, None, Freshness::Cached).await;
    let stored = scene.other.load(&at.id, None, Freshness::Current).await;
    assert_eq!(cached.unwrap(), stored.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_current_load_is_answered_by_redis() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    for _ in 0..3 {
        scene.proxy.take_requests();
        assert_eq!(current_value(&scene.near, &at).await.unwrap(), Some(1));
        assert_eq!(scene.proxy.take_requests(), MISS);
        assert_eq!(scene.cost(&at).await, HIT, "it was not cached");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalidations_find_keys_with_a_prefix() {
    let redis = Redis::start().unwrap();
    let build = |near| {
        let builder =
            RedisSessionStore::builder(redis.url()).cache_keygen(|id| format!("session:{{{id}}}"));
        match near {
            true => builder.near_cache(NearCacheConfig::default().max_staleness(MINUTE)),
            false => builder,
        }
    };
    let near = build(true).build().await.unwrap();
    let other = build(false).build().await.unwrap();
    let at = create(&other, 1).await;
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    let before = gets(&redis);
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    assert_eq!(gets(&redis), before, "it was not cached");
    let at = updated(&other, &at, 2).await;
    until(&near, &at, Some(2)).await;
}

/// The number of `GET`s that the server has executed.
fn gets(redis: &Redis) -> u64 {
    let reply = redis.command(&["INFO", "commandstats"]).unwrap();
    let text = reply.text().unwrap();
    let line = text.lines().find(|line| line.starts_with("cmdstat_get:"));
    let calls = line.and_then(|line| line.split(['=', ',']).nth(1));
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_near_cache_every_load_is_one_command() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let start = [
        "INFO", "CLIENT", "GET", "SET", "DEL", "GETRANGE", "EVAL", "EVALSHA", "INFO",
    ];
    assert_eq!(proxy.take_requests(), start);
    let at = create(&store, 1).await;
    for _ in 0..2 {
        value(&store, &at).await.unwrap();
    }
    assert_eq!(proxy.take_requests(), ["SET", "GET", "GET"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_reads_what_it_wrote() {
    let scene = Scene::new().await;
    let near = &scene.near;
    let mut at = create(near, 0).await;
    for round in 1..100 {
        assert_eq!(value(near, &at).await.unwrap(), Some(round - 1));
        at = updated(near, &at, round).await;
    }
    assert_eq!(value(near, &at).await.unwrap(), Some(99));
    near.delete(&at.id).await.unwrap();
    assert_eq!(value(near, &at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_a_loaded_record_does_not_change_the_cached_one() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    let loaded = scene.near.load(&at.id, None, Freshness::Cached).await;
    let mut loaded = loaded.unwrap().unwrap();
    loaded.record.state.insert("value", &9).unwrap();
    assert_eq!(value(&scene.near, &at).await.unwrap(), Some(1));
    assert_eq!(scene.cost(&at).await, HIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_session_is_not_cached() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;
    scene.other.delete(&at.id).await.unwrap();
    for _ in 0..3 {
        assert_eq!(scene.cost(&at).await, MISS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_time_to_live_is_not_cached() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;
    scene.redis.command(&["PERSIST", &at.redis_key()]).unwrap();
    for _ in 0..3 {
        assert_eq!(scene.cost(&at).await, MISS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_expires_in_redis_is_evicted() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    scene
        .redis
        .command(&["PEXPIRE", &at.redis_key(), "1"])
        .unwrap();
    scene.arrives(&at, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_session_is_not_served_even_if_redis_announces_nothing() {
    let scene = Scene::new().await;
    let ttl = Duration::from_millis(500);
    let stored = Stored::nowhere();
    let (id, version) = (&stored.id, stored.version);
    let outcome = scene.other.create(id, &record(1), version, ttl).await;
    assert_eq!(outcome.unwrap(), CreateOutcome::Created);
    let created = Instant::now();
    // Cached, unless this test takes half a second.
    let _ = value(&scene.near, &stored).await.unwrap();
    scene.proxy.stall();
    in_time(async {
        loop {
            let begun = Instant::now();
            if !matches!(value(&scene.near, &stored).await, Ok(Some(_))) {
                return;
            }
            // Redis rounds to milliseconds, and has its own clock.
            let age = begun - created;
            assert!(age < ttl + ttl / 10, "it is served after {age:?}");
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_empties_the_cache() {
    let scene = Scene::new().await;
    for flush in ["FLUSHDB", "FLUSHALL"] {
        let (first, second) = (scene.known(1).await, scene.known(2).await);
        assert!(scene.redis.command(&[flush]).unwrap().is_ok());
        scene.arrives(&first, None).await;
        scene.arrives(&second, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_with_a_full_tracking_table_evicts() {
    let scene = Scene::new().await;
    let limit = &["CONFIG", "SET", "tracking-table-max-keys", "10"];
    assert!(scene.redis.command(limit).unwrap().is_ok());
    let mut sessions = Vec::new();
    for _ in 0..200 {
        sessions.push(scene.known(1).await);
    }
    in_time(async {
        while tracked(&scene.redis) > 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Redis has announced the keys that it dropped from its table.
    for at in &sessions {
        updated(&scene.other, at, 2).await;
    }
    for at in &sessions {
        scene.arrives(at, Some(2)).await;
    }
}

/// The number of keys in the tracking table of the server.
fn tracked(redis: &Redis) -> u64 {
    let reply = redis.command(&["INFO", "stats"]).unwrap();
    let text = reply.text().unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("tracking_total_keys:"));
    line.expect("a Redis that tracks").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bounds_are_kept() {
    for settings in [
        NearCacheConfig::default().max_sessions(20),
        NearCacheConfig::default().max_bytes(20_000),
    ] {
        let scene = Scene::with(settings.max_staleness(MINUTE)).await;
        let mut sessions = Vec::new();
        for number in 0..200 {
            sessions.push(scene.known(number).await);
        }
        scene.proxy.take_requests();
        // The last ones first, since reading the others evicts these.
        for at in sessions.iter().rev() {
            value(&scene.near, at).await.unwrap();
        }
        let asked = scene.proxy.take_requests().len() / 2;
        assert!((160..200).contains(&asked), "{settings:?}: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_staleness_of_zero_every_load_is_answered_by_redis() {
    let scene = Scene::with(NearCacheConfig::default().max_staleness(Duration::ZERO)).await;
    let at = scene.known(1).await;
    for _ in 0..10 {
        assert_eq!(scene.cost(&at).await, MISS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_share_the_cache() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    let clone = scene.near.clone();
    scene.proxy.take_requests();
    assert_eq!(value(&clone, &at).await.unwrap(), Some(1));
    assert_eq!(scene.proxy.take_requests(), HIT);
    clone.delete(&at.id).await.unwrap();
    assert_eq!(value(&scene.near, &at).await.unwrap(), None);
}

#[test]
fn a_runtime_that_ends_ends_its_invalidations() {
    let redis = Redis::start().unwrap();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (near, other, at) = runtime().block_on(async {
        let (near, other) = (near_store(redis.url()).await, store(redis.url()).await);
        let at = create(&other, 1).await;
        assert_eq!(value(&near, &at).await.unwrap(), Some(1));
        (near, other, at)
    });
    // The driver of the connection has ended, so this announcement is lost.
    runtime().block_on(async {
        updated(&other, &at, 2).await;
        until(&near, &at, Some(2)).await;
    });
}
