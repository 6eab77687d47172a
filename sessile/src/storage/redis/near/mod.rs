//! [`Near`]: sessions that were read from Redis or written there, kept in memory until Redis says that they
//! changed.
//!
//! Redis is asked (`CLIENT TRACKING`) to tell each connection about changes to what was read over it.
//! What makes an entry go, and why nothing slips through:
//!
//! - **Redis tells of a change.** It does so on the very connection that reads go over, so that news and
//!   answers have one order. The driver of the connection keeps it: it hands on a piece of news before
//!   it looks at the answer behind (`PipelineSink::send_result` in the crate `redis`), and we evict
//!   right there. So whoever has an answer in hand knows that all news from before it were heeded.
//! - **A read that was under way** when the news came has an answer from before. It was handed to its
//!   task, which may come here long after. So every read notes how often there was news
//!   ([`Near::reading`]), and keeps nothing if there was some since.
//! - **A write of our own** begins and ends like news, before it is reported ([`Near::writing`]): a server
//!   always reads what it wrote. One that nobody waits for any longer may arrive later; Redis tells
//!   us of our own changes too.
//! - **The connection ended, or nothing is heard over it**: see [`Feed`].
//! - **Its time to live passed**: an entry knows when that is.
//!
//! What a write leaves, and why that holds as well: see [`Writing`].

mod feed;
mod news;
mod settings;
#[cfg(test)]
mod tests;
mod writing;

use std::{
    hash::BuildHasher as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use redis::{PushInfo, PushKind, Value};

pub use self::settings::NearCache;
use self::{
    feed::Feed,
    news::{News, OURSELVES},
};
pub(super) use self::{
    feed::{Heard, Lifeline, Pending},
    writing::Writing,
};
use super::{Loaded, SessionKey};
use crate::telemetry;

/// In how many parts news are counted. News of one key keep out what is being read under another of its
/// part, or written, which costs a round trip: so many that this is rare.
const PARTS: usize = 4096;

/// In how many parts entries are kept, unless they are few. Each has its share of the bounds, and a lock
/// that many can read under at once.
const SHARDS: usize = 32;

/// Sessions that were read. Clones share them.
#[derive(Clone)]
pub(super) struct Near(Arc<Shared>);

struct Shared {
    /// By their Redis keys.
    entries: Cache<Box<str>, Arc<Entry>, Weight>,
    /// By what their keys hash to. Whoever adds or evicts an entry holds the lock of its part.
    news: Box<[Mutex<News>]>,
    hasher: DefaultHashBuilder,
    max_staleness: Duration,
}

/// A session as it was read, or written.
struct Entry {
    /// What it was read with, and what it is handed out for. The digest in Redis was checked then, or
    /// written.
    key: SessionKey,
    loaded: Loaded,
    /// When its time to live passes.
    ends_at: Instant,
    /// What Redis tells about it through.
    feed: Arc<Feed>,
    /// The feed that the next news of it are of no concern through: of nothing later than this. Or
    /// [`OURSELVES`].
    outdated: AtomicU64,
}

/// A read that is under way.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    part: usize,
    /// How often there had been news when it began.
    news: u64,
}

/// What Redis has, as an answer of its shows.
pub(super) struct Seen {
    pub(super) loaded: Loaded,
    /// How long it had to live when that was asked for, or longer.
    pub(super) ttl: Duration,
    pub(super) heard: Heard,
}

impl Near {
    pub(super) fn new(settings: NearCache) -> Self {
        let weight = Weight::new(settings);
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(weight.likely_entries(settings))
            .weight_capacity(weight.capacity(settings))
            .build()
            .expect("both capacities are set");
        let hasher = DefaultHashBuilder::default();
        let lifecycle = DefaultLifecycle::default();
        Self(Arc::new(Shared {
            entries: Cache::with_options(options, weight, hasher.clone(), lifecycle),
            news: (0..PARTS).map(|_| Mutex::default()).collect(),
            hasher,
            max_staleness: settings.max_staleness,
        }))
    }

    /// What `key` leads to, if it is here and Redis would answer the same.
    pub(super) fn get(&self, redis_key: &str, key: &SessionKey) -> Option<Loaded> {
        let found = self.0.entries.get(redis_key).filter(|entry| {
            let now = Instant::now();
            entry.key == *key
                && now < entry.ends_at
                && entry.feed.is_current(now, self.0.max_staleness)
        });
        match found {
            Some(entry) => {
                telemetry::near_cache_hit();
                Some(entry.loaded.clone())
            }
            None => {
                telemetry::near_cache_miss();
                None
            }
        }
    }

    /// Begins a read: to be called before anything is sent.
    pub(super) fn reading(&self, redis_key: &str) -> Reading {
        let part = self.0.part(redis_key);
        let news = lock(&self.0.news[part]).count;
        Reading { part, news }
    }

    /// Keeps what was read, unless there was news since `reading` began.
    pub(super) fn keep(&self, reading: Reading, redis_key: &str, key: &SessionKey, read: Seen) {
        let Some(entry) = Entry::of(key, read) else {
            return;
        };
        let news = lock(&self.0.news[reading.part]);
        if news.count == reading.news {
            self.0.entries.insert(redis_key.into(), Arc::new(entry));
        }
    }

    /// Redis has told of a change through the feed with this number.
    fn told(&self, redis_key: &str, teller: u64) {
        let mut news = lock(&self.0.news[self.0.part(redis_key)]);
        news.add(teller);
        let entry = self.0.entries.peek(redis_key);
        if entry.is_some_and(|entry| !entry.knows_the_news(teller)) {
            self.0.entries.remove(redis_key);
        }
    }

    /// Forgets everything, and what is being read or written as well.
    pub(super) fn clear(&self) {
        for news in &self.0.news {
            lock(news).add(OURSELVES);
        }
        // What is kept from now on was read after, and may go all the same.
        self.0.entries.clear();
    }

    /// Heeds what Redis says unasked, over the connection with this lifeline.
    pub(super) fn hear(&self, lifeline: &Lifeline, push: &PushInfo) {
        if push.kind != PushKind::Invalidate {
            return;
        }
        // A list of keys, or nothing for all of them.
        let [Value::Array(keys)] = push.data.as_slice() else {
            return self.clear();
        };
        for key in keys {
            // What isn't text is no key of ours.
            if let Value::BulkString(key) = key
                && let Ok(key) = std::str::from_utf8(key)
            {
                self.told(key, lifeline.feed().number());
                telemetry::near_cache_invalidated();
            }
        }
    }
}

impl Shared {
    fn part(&self, redis_key: &str) -> usize {
        self.hasher.hash_one(redis_key) as usize % PARTS
    }
}

/// What an entry counts for, so that one bound keeps both: as many bytes as it takes, and at least as
/// many as it could take if there were the most entries of one size.
#[derive(Clone)]
struct Weight {
    least: u64,
}

impl Weight {
    fn new(settings: NearCache) -> Self {
        let sessions = (settings.max_sessions as u64).max(1);
        Self {
            least: (settings.max_bytes / sessions).max(1),
        }
    }

    fn capacity(&self, settings: NearCache) -> u64 {
        let least = self.least.saturating_mul(settings.max_sessions as u64);
        least.min(settings.max_bytes)
    }

    /// About how many entries there will be.
    fn likely_entries(&self, settings: NearCache) -> usize {
        const TYPICAL: u64 = 1024;
        let fit = self.capacity(settings) / TYPICAL.max(self.least);
        usize::try_from(fit).unwrap_or(usize::MAX)
    }
}

impl Weighter<Box<str>, Arc<Entry>> for Weight {
    fn weight(&self, redis_key: &Box<str>, entry: &Arc<Entry>) -> u64 {
        entry.size(redis_key.len()).max(self.least)
    }
}

impl Entry {
    /// What to keep of what was seen, if it can be kept.
    fn of(key: &SessionKey, seen: Seen) -> Option<Self> {
        // What tells no times stands for now, whenever that is.
        if seen.loaded.record.undated {
            return None;
        }
        let Heard { feed, asked_at } = seen.heard;
        Some(Self {
            key: key.clone(),
            loaded: Loaded {
                record: seen.loaded.record.packed(),
                ..seen.loaded
            },
            // Counted from before it was asked for, so that it never ends late.
            ends_at: asked_at.checked_add(seen.ttl)?,
            feed,
            outdated: AtomicU64::new(OURSELVES),
        })
    }

    /// Whether news of it through this feed are of nothing later than this. The next ones aren't.
    fn knows_the_news(&self, teller: u64) -> bool {
        let outdated = &self.outdated;
        let relaxed = Ordering::Relaxed;
        // Who asks holds the lock of its part.
        outdated
            .compare_exchange(teller, OURSELVES, relaxed, relaxed)
            .is_ok()
    }

    /// Roughly what it takes in memory, in bytes, under a Redis key of this length.
    fn size(&self, redis_key_len: usize) -> u64 {
        /// What the entry, its place in the table and its allocations take beside its state and its keys.
        const OVERHEAD: usize = 448;
        let keys = redis_key_len + self.key.as_ref().len();
        let size = OVERHEAD + keys + self.loaded.record.state.footprint();
        size as u64
    }
}

fn lock(part: &Mutex<News>) -> MutexGuard<'_, News> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
