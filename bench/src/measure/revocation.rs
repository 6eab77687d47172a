//! How long the near cache of one server serves a session that another server has ended.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        CreateOutcome, Freshness, NearCacheConfig, RedisSessionStore, SessionId, SessionStore as _,
        Version,
    },
};
use sessile_rig::{proxy::Proxy, redis::Redis};

use super::cores;
use crate::{
    cli::Effort,
    load::Timing,
    results::{About, Revocation},
};

/// The `max_staleness` of the near cache.
const BOUND: Duration = Duration::from_secs(1);

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Revocation> {
    let about = About::now(None)?;
    let redis = Redis::start_with(&["--appendonly", "no"])?;
    let ended = effort.scaled(2000, 200);
    let here = store(&redis.url()).await?;
    let there = Other::start(redis.url())?;
    let mut timing = Timing::new();
    for _ in 0..ended {
        timing.record(end(&here, &there, || ()).await?);
    }

    let mut deaf = Timing::new();
    for _ in 0..effort.scaled(10, 2) {
        let proxy = Proxy::start(redis.port())?;
        let there = Other::start(format!("redis://127.0.0.1:{}", proxy.port()))?;
        deaf.record(end(&here, &there, || proxy.stall()).await?);
    }
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
    let near = NearCacheConfig::default().max_staleness(BOUND);
    Ok(RedisSessionStore::builder(url)
        .near_cache(near)
        .build()
        .await?)
}

/// Ends a session that the other server has in its near cache. Returns how long the other server serves it after that.
async fn end(
    here: &RedisSessionStore,
    there: &Other,
    before: impl Fn(),
) -> anyhow::Result<Duration> {
    let record = Record::new(SystemClock.now());
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = here.create(&id, &record, version, Duration::from_secs(60));
    ensure!(created.await? == CreateOutcome::Created, "the id is taken");
    there.ask_for(&id)?;
    before();
    here.delete(&id).await?;
    let ended = Instant::now();
    Ok(there.last_served()?.saturating_duration_since(ended))
}

/// Another server, on its own thread and core, which loads one session in a loop.
struct Other {
    ids: Sender<SessionId>,
    /// When the session was first served, and then when it was last.
    served: Receiver<Instant>,
}

impl Other {
    fn start(url: String) -> anyhow::Result<Self> {
        let (ids, asked) = channel();
        let (tell, served) = channel();
        // It ends with its channels.
        thread::Builder::new().spawn(move || {
            if let Err(error) = watch(&url, &asked, &tell) {
                eprintln!("the other server failed: {error:#}");
            }
        })?;
        Ok(Self { ids, served })
    }

    /// Lets the other server load a session in a loop. Fails if it does not find the session.
    fn ask_for(&self, id: &SessionId) -> anyhow::Result<()> {
        self.ids.send(id.clone()).context(GONE)?;
        self.served.recv().context(GONE)?;
        Ok(())
    }

    fn last_served(&self) -> anyhow::Result<Instant> {
        self.served.recv().context(GONE)
    }
}

const GONE: &str = "the other server is gone";

fn watch(url: &str, ids: &Receiver<SessionId>, tell: &Sender<Instant>) -> anyhow::Result<()> {
    cores::pin(0)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = store(url).await?;
        while let Ok(id) = ids.recv() {
            ensure!(is_served(&store, &id).await, "a new session isn't there");
            let mut last_served = Instant::now();
            tell.send(last_served)?;
            while is_served(&store, &id).await {
                last_served = Instant::now();
                // Yields, so that the task of the connection runs.
                tokio::task::yield_now().await;
            }
            tell.send(last_served)?;
        }
        Ok(())
    })
}

/// Whether the store returns the session. A store that fails serves nothing.
async fn is_served(store: &RedisSessionStore, id: &SessionId) -> bool {
    let loaded = store.load(id, None, Freshness::Cached).await;
    loaded.is_ok_and(|loaded| loaded.is_some())
}
