//! How long a session that was ended on one server is still served by another one's near cache.

use std::time::{Duration, Instant};

use anyhow::ensure;
use sessile::{
    Clock as _, Record, SystemClock,
    storage::{NearCache, RedisSessionStore, SessionKey, SessionStore as _},
};
use sessile_rig::{proxy::Proxy, redis::Redis};

use super::cores;
use crate::{
    cli::Effort,
    load::Timing,
    results::{About, Revocation},
};

/// What the near cache is told: how long it may serve what it has without hearing from Redis.
const BOUND: Duration = Duration::from_secs(1);

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Revocation> {
    let about = About::now(effort)?;
    let redis = Redis::start_with(&["--appendonly", "no"])?;
    // There is no server of its own to be measured here: we are both, and Redis has the other core.
    cores::pin_server()?;
    let ended = effort.scaled(2000, 200);
    let here = store(&redis.url()).await?;
    let there = store(&redis.url()).await?;
    let mut timing = Timing::new();
    for _ in 0..ended {
        timing.record(end(&here, &there, || ()).await?);
    }

    let mut deaf = Timing::new();
    for _ in 0..effort.scaled(10, 2) {
        let proxy = Proxy::start(redis.port())?;
        let there = store(&format!("redis://127.0.0.1:{}", proxy.port())).await?;
        deaf.record(end(&here, &there, || proxy.stall()).await?);
    }
    cores::pin_load()?;
    let microseconds = |duration: Duration| duration.as_secs_f64() * 1e6;
    Ok(Revocation {
        about,
        ended,
        p50_us: timing.quantile(0.5),
        p99_us: timing.quantile(0.99),
        longest_us: timing.quantile(1.0),
        longest_deaf_us: deaf.quantile(1.0),
        bound_us: microseconds(BOUND),
    })
}

async fn store(url: &str) -> anyhow::Result<RedisSessionStore> {
    let near = NearCache::default().max_staleness(BOUND);
    Ok(RedisSessionStore::builder(url)
        .near_cache(near)
        .build()
        .await?)
}

/// Ends a session here that is known there, and tells how long it was served there after that.
async fn end(
    here: &RedisSessionStore,
    there: &RedisSessionStore,
    before: impl Fn(),
) -> anyhow::Result<Duration> {
    let record = Record::new(SystemClock.now());
    let key = here.create(&record, Duration::from_secs(60)).await?.key;
    ensure!(is_served(there, &key).await, "a new session isn't there");
    before();
    here.delete(&key).await?;
    let ended = Instant::now();
    let mut last_served = ended;
    while is_served(there, &key).await {
        last_served = Instant::now();
        // So that the connection gets its turn as well.
        tokio::task::yield_now().await;
    }
    Ok(last_served - ended)
}

/// Whether the store answers with the session. A store that fails serves nothing.
async fn is_served(store: &RedisSessionStore, key: &SessionKey) -> bool {
    store.load(key).await.is_ok_and(|loaded| loaded.is_some())
}
