//! The near cache: what is read from it, and that Redis always has the last word.

mod outages;
mod refusals;
mod stress;
mod workers;
mod writes;

use std::time::{Duration, Instant};

use sessile::storage::{NearCache, RedisSessionStore, SessionStore as _, Stored};
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{
    MINUTE, create, in_time, key, near_store, record, renew, store, stored, until_it_works, update,
    value,
};

/// A server of the application with a near cache, whose requests are counted, and another one without.
struct Scene {
    redis: Redis,
    proxy: Proxy,
    near: RedisSessionStore,
    other: RedisSessionStore,
}

impl Scene {
    async fn new() -> Self {
        Self::with(NearCache::default().max_staleness(Duration::from_secs(3600))).await
    }

    async fn with(near_cache: NearCache) -> Self {
        let redis = Redis::start().unwrap();
        let proxy = Proxy::start(redis.port()).unwrap();
        let builder = RedisSessionStore::builder(format!("127.0.0.1:{}", proxy.port()));
        let near = in_time(builder.near_cache(near_cache).build()).await;
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

    /// What reading it costs.
    async fn cost(&self, at: &Stored) -> Vec<String> {
        self.proxy.take_requests();
        value(&self.near, at).await.unwrap();
        self.proxy.take_requests()
    }

    /// Ends the connection that `near` has, and has `other` find `at` over its own again.
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

    /// That the server has heard of the change of `at` to `expected`, which then stays.
    async fn hears(&self, at: &Stored, expected: Option<u32>) {
        until(&self.near, at, expected).await;
    }
}

/// Waits until `store` reads `expected`. Then that is what it reads.
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
async fn what_was_read_once_costs_no_command() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;
    assert_eq!(scene.cost(&at).await, MISS);
    for _ in 0..100 {
        assert_eq!(scene.cost(&at).await, HIT);
    }
    let loaded = scene.near.load(&at.key).await.unwrap().unwrap();
    let stored = scene.other.load(&at.key).await.unwrap().unwrap();
    assert_eq!(loaded.version, stored.version);
    assert_eq!(loaded.record, stored.record);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_before_the_keys_makes_no_difference() {
    let redis = Redis::start().unwrap();
    let build = |near| {
        let builder =
            RedisSessionStore::builder(redis.url()).cache_keygen(|id| format!("session:{{{id}}}"));
        match near {
            true => builder.near_cache(NearCache::default().max_staleness(MINUTE)),
            false => builder,
        }
    };
    let near = build(true).build().await.unwrap();
    let other = build(false).build().await.unwrap();
    let at = create(&other, 1).await;
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    let before = gets(&redis);
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    assert_eq!(gets(&redis), before, "it was not kept");
    let at = stored(update(&other, &at, 2).await);
    until(&near, &at, Some(2)).await;
}

/// How many `GET`s the server was sent.
fn gets(redis: &Redis) -> u64 {
    let reply = redis.command(&["INFO", "commandstats"]).unwrap();
    let text = reply.text().unwrap();
    let line = text.lines().find(|line| line.starts_with("cmdstat_get:"));
    let calls = line.and_then(|line| line.split(['=', ',']).nth(1));
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_it_is_there_unless_it_is_asked_for() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let at = create(&store, 1).await;
    for _ in 0..2 {
        value(&store, &at).await.unwrap();
    }
    let requests = proxy.take_requests();
    assert_eq!(requests, ["INFO", "EVALSHA", "EVAL", "GET", "GET"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_reads_what_it_wrote() {
    let scene = Scene::new().await;
    let near = &scene.near;
    let mut at = create(near, 0).await;
    for round in 1..50 {
        assert_eq!(value(near, &at).await.unwrap(), Some(3 * (round - 1)));
        at = stored(update(near, &at, 3 * round - 1).await);
        assert_eq!(value(near, &at).await.unwrap(), Some(3 * round - 1));
        let renewed = stored(renew(near, &at, 3 * round).await);
        assert_eq!(value(near, &at).await.unwrap(), None);
        at = renewed;
    }
    assert_eq!(value(near, &at).await.unwrap(), Some(3 * 49));
    near.delete(&at.key).await.unwrap();
    assert_eq!(value(near, &at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_does_is_heard_of() {
    let scene = Scene::new().await;
    for _ in 0..20 {
        let at = scene.known(1).await;
        let at = stored(update(&scene.other, &at, 2).await);
        scene.hears(&at, Some(2)).await;
        let renewed = stored(renew(&scene.other, &at, 3).await);
        scene.hears(&at, None).await;
        scene.hears(&renewed, Some(3)).await;
        scene.other.delete(&renewed.key).await.unwrap();
        scene.hears(&renewed, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_what_is_out_of_date_conflicts_and_the_next_read_is_right() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    stored(update(&scene.other, &at, 2).await);
    let swap = update(&scene.near, &at, 3).await.unwrap();
    assert!(matches!(swap, sessile::storage::Swap::Conflict));
    assert_eq!(value(&scene.near, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handed_out_can_be_changed_without_changing_what_is_kept() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    let mut loaded = scene.near.load(&at.key).await.unwrap().unwrap();
    loaded.record.state.insert("value", &9).unwrap();
    assert_eq!(value(&scene.near, &at).await.unwrap(), Some(1));
    assert_eq!(scene.cost(&at).await, HIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_another_key_is_answered_by_redis() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    for secret in ["", ".", ".x"] {
        let wrong = Stored {
            key: key(&format!("{}{secret}", at.key.id())),
            version: at.version,
        };
        for _ in 0..2 {
            assert_eq!(scene.cost(&wrong).await, MISS);
            assert_eq!(value(&scene.near, &wrong).await.unwrap(), None);
        }
    }
    assert_eq!(scene.cost(&at).await, HIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_asked_for_each_time() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;
    scene.other.delete(&at.key).await.unwrap();
    for _ in 0..3 {
        assert_eq!(scene.cost(&at).await, MISS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_actix_session_left_is_read_each_time() {
    let scene = Scene::new().await;
    let left = r#"{"value":"7"}"#;
    let reply = scene.redis.command(&["SET", "Left", left, "EX", "60"]);
    assert!(reply.unwrap().is_ok());
    let at = Stored {
        key: key("Left"),
        version: sessile::storage::Version::new(0),
    };
    for _ in 0..3 {
        assert_eq!(scene.cost(&at).await, MISS);
        assert_eq!(value(&scene.near, &at).await.unwrap(), Some(7));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_time_to_live_is_read_each_time() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;
    scene.redis.command(&["PERSIST", at.key.id()]).unwrap();
    for _ in 0..3 {
        assert_eq!(scene.cost(&at).await, MISS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expires_in_redis_goes() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    scene.redis.command(&["PEXPIRE", at.key.id(), "1"]).unwrap();
    scene.hears(&at, None).await;
}

/// Redis gets no chance to tell of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_lived_its_time_is_not_served_even_if_nobody_tells() {
    let scene = Scene::new().await;
    let ttl = Duration::from_millis(500);
    let stored = scene.other.create(&record(1), ttl).await.unwrap();
    let created = Instant::now();
    // Kept, unless this machine took half a second for it.
    let _ = value(&scene.near, &stored).await.unwrap();
    scene.proxy.stall();
    in_time(async {
        loop {
            let begun = Instant::now();
            if !matches!(value(&scene.near, &stored).await, Ok(Some(_))) {
                return;
            }
            // Redis rounds to milliseconds, and has a clock of its own.
            let age = begun - created;
            assert!(age < ttl + ttl / 10, "it is served after {age:?}");
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_empties_it() {
    let scene = Scene::new().await;
    for flush in ["FLUSHDB", "FLUSHALL"] {
        let (first, second) = (scene.known(1).await, scene.known(2).await);
        assert!(scene.redis.command(&[flush]).unwrap().is_ok());
        scene.hears(&first, None).await;
        scene.hears(&second, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_can_not_remember_more_says_so() {
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
    // What Redis forgot it has told before, so this is heard of or not kept any more.
    for at in &sessions {
        stored(update(&scene.other, at, 2).await);
    }
    for at in &sessions {
        scene.hears(at, Some(2)).await;
    }
}

/// How many keys the server remembers for those who read them.
fn tracked(redis: &Redis) -> u64 {
    let reply = redis.command(&["INFO", "stats"]).unwrap();
    let text = reply.text().unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("tracking_total_keys:"));
    line.expect("a Redis that tracks").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_kept_than_may_be() {
    for settings in [
        NearCache::default().max_sessions(20),
        NearCache::default().max_bytes(20_000),
    ] {
        let scene = Scene::with(settings.max_staleness(MINUTE)).await;
        let mut sessions = Vec::new();
        for number in 0..200 {
            sessions.push(scene.known(number).await);
        }
        scene.proxy.take_requests();
        // The last ones first, since reading the others drives these out.
        for at in sessions.iter().rev() {
            value(&scene.near, at).await.unwrap();
        }
        let asked = scene.proxy.take_requests().len() / 2;
        assert!((160..200).contains(&asked), "{settings:?}: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_no_staleness_at_all_redis_is_always_asked() {
    let scene = Scene::with(NearCache::default().max_staleness(Duration::ZERO)).await;
    let at = scene.known(1).await;
    for _ in 0..10 {
        assert_eq!(scene.cost(&at).await, MISS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_share_what_is_kept() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    let clone = scene.near.clone();
    scene.proxy.take_requests();
    assert_eq!(value(&clone, &at).await.unwrap(), Some(1));
    assert_eq!(scene.proxy.take_requests(), HIT);
    clone.delete(&at.key).await.unwrap();
    assert_eq!(value(&scene.near, &at).await.unwrap(), None);
}

#[test]
fn a_runtime_that_ends_takes_no_news_with_it() {
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
    // The connection's driver is gone, and nobody would hear of this.
    runtime().block_on(async {
        stored(update(&other, &at, 2).await);
        until(&near, &at, Some(2)).await;
    });
}
