//! [`Writing`]: what a write of our own leaves in memory.
//!
//! A write leaves what it wrote, so that the next request need not read it. It is sent together with a read
//! of the version that is there afterwards. If that is the one that was written, then Redis had our record
//! at that moment, and tells of every change after it over this connection: all that holds for what was read
//! holds for it too. It remains to tell the news from before that read from those after it, since a task
//! gets its answers together, and perhaps long after:
//!
//! - **Redis tells of our own write** before it answers that read, exactly once: who changes a record with a
//!   script has read it there, and no connection asks for `NOLOOP`. (Older servers do so ahead of the
//!   script's answer, newer ones behind it.) Who makes a record has not read it, and is told nothing. So
//!   the written record is kept if there was just that to be heard since the write began, and nothing is
//!   kept otherwise: then somebody may have changed it already, or ended it.
//! - **Another write or read of our own**, over whichever connection: both ends of a write count as news. Of
//!   two writes at the same time, the one that ends last leaves nothing, and a read that began before a
//!   write ended does not take its place.
//! - **The connection that the last record came over**, where it was another one (each thread has its own),
//!   is told of our write as well, now or later. It was to be told of the next change to what it had read,
//!   and that is our write at the latest. So its next news evict nothing, once. That saves a round trip
//!   and hides nothing: of whatever comes after, the write's own connection is told.
//! - **A write that was given up** keeps nothing. When it is done all the same, the others are told, and so
//!   are we. It finds another version if it comes after one that was kept.
//! - **A write that was sent twice** keeps nothing: its time to live may have begun the first time.
//! - **Another server in between**, after the write and before the read of the version: it is another
//!   one then, or none.
//! - **A node that a slot is on its way to** is not asked for the version, and what it stored is not kept.
//!
//! `NOLOOP` would spare us the news of our own writes, but also those of what Redis evicts to make room for
//! them: Redis 7.0 tells nothing that it does on behalf of the connection. The end of a session that is not
//! there any more changes nothing, so nobody hears of it, and we would serve it for as long as it could
//! have lived.

use std::sync::{Arc, atomic::Ordering};

use super::{Entry, Near, Seen, SessionKey, lock, news::OURSELVES};

/// A write of our own that is under way. When it ends, in whatever way, what was there is forgotten, and
/// what is known to be there now takes its place.
pub(in super::super) struct Writing<'a> {
    near: &'a Near,
    redis_key: &'a str,
    part: usize,
    /// How often there had been news when it began, itself included.
    news: u64,
    /// The feed of the entry that it took out, or [`OURSELVES`].
    replaced: u64,
    written: Option<Written>,
}

/// What a write of our own left in Redis.
struct Written {
    entry: Entry,
    /// Whether Redis has told of the write over the connection that it was made over, before it was
    /// seen there.
    is_told: bool,
}

impl Near {
    /// Begins a write: to be called before anything is sent.
    pub(in super::super) fn writing<'a>(&'a self, redis_key: &'a str) -> Writing<'a> {
        let part = self.0.part(redis_key);
        let mut news = lock(&self.0.news[part]);
        news.add(OURSELVES);
        let replaced = self.0.entries.remove(redis_key);
        Writing {
            near: self,
            redis_key,
            part,
            news: news.count,
            replaced: replaced.map_or(OURSELVES, |(_, entry)| entry.feed.number()),
            written: None,
        }
    }
}

impl Writing<'_> {
    /// It is done, and was `seen` in Redis afterwards over the connection that it was made over. `is_told`
    /// is whether Redis has told of it there in between.
    pub(in super::super) fn is_stored(&mut self, key: &SessionKey, seen: Seen, is_told: bool) {
        self.written = Entry::of(key, seen).map(|entry| Written { entry, is_told });
    }
}

impl Written {
    /// What to keep, unless there was other news than that of the write itself, told by `tellers`.
    fn confirm(self, tellers: &[u64], replaced: u64) -> Option<Entry> {
        let Self { entry, is_told } = self;
        let feed = entry.feed.number();
        let times = |number| tellers.iter().filter(|teller| **teller == number).count();
        let own = times(feed);
        // Whoever had read what is replaced is told as well.
        let outdated = match replaced {
            OURSELVES => 0,
            same if same == feed => 0,
            other => times(other),
        };
        if own != usize::from(is_told) || outdated > 1 || own + outdated != tellers.len() {
            return None;
        }
        if outdated == 0 && replaced != feed {
            entry.outdated.store(replaced, Ordering::Relaxed);
        }
        Some(entry)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let entries = &self.near.0.entries;
        let mut news = lock(&self.near.0.news[self.part]);
        let kept = match (self.written.take(), news.since(self.news)) {
            (Some(written), Some(since)) => written.confirm(since, self.replaced),
            _ => None,
        };
        // Whoever reads or writes at the same time is to know of this.
        news.add(OURSELVES);
        match kept {
            Some(entry) => entries.insert(self.redis_key.into(), Arc::new(entry)),
            None => _ = entries.remove(self.redis_key),
        }
    }
}
