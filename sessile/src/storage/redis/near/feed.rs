//! [`Feed`]: whether the news from one connection can be relied on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The news from one connection.
///
/// They come in order with the answers. So when a request is answered that was sent at some moment, all
/// news from before that moment have come: what was read over this connection and is still kept was
/// right then. How long ago that may be at most is a setting, and who finds it too long ago asks Redis,
/// whose answer is the next such moment. So a connection that broke without a word, a server that
/// hangs and a driver that gets no processor time are all the same: they cost a round trip.
pub(super) struct Feed {
    /// No other feed has or had it.
    number: u64,
    /// From when on `answered_at` counts.
    opened_at: Instant,
    has_ended: AtomicBool,
    /// When the newest request was sent that was answered, in nanoseconds.
    answered_at: AtomicU64,
}

impl Feed {
    /// That of a connection that is about to be made.
    fn open() -> Arc<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            opened_at: Instant::now(),
            has_ended: AtomicBool::new(false),
            answered_at: AtomicU64::new(0),
        })
    }

    /// What it is told apart by. Never zero.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn answered(&self, asked_at: Instant) {
        self.answered_at
            .fetch_max(nanos(asked_at - self.opened_at), Ordering::AcqRel);
    }

    /// Whether nothing of what was read over this connection has changed without a word, but in the
    /// last `max_staleness`.
    pub(super) fn is_current(&self, now: Instant, max_staleness: Duration) -> bool {
        let age =
            nanos(now - self.opened_at).saturating_sub(self.answered_at.load(Ordering::Acquire));
        !self.has_ended.load(Ordering::Acquire) && age <= nanos(max_staleness)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Ends a [`Feed`] when it is dropped.
///
/// Two have one. The connection's driver, which hears the news, drops it when the connection ends, and
/// also when the runtime that it ran on does. Who sends over the connection drops it when that is
/// not to be used any more.
pub(in super::super) struct Lifeline(Arc<Feed>);

impl Lifeline {
    /// Those of a connection that is about to be made.
    pub(in super::super) fn both() -> [Self; 2] {
        let feed = Feed::open();
        [Self(Arc::clone(&feed)), Self(feed)]
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.0
    }

    /// Something is about to be asked over the connection.
    pub(in super::super) fn ask(&self) -> Pending {
        Pending {
            feed: Arc::clone(&self.0),
            asked_at: Instant::now(),
        }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
    }
}

/// A request that is not answered yet.
pub(in super::super) struct Pending {
    feed: Arc<Feed>,
    asked_at: Instant,
}

impl Pending {
    /// It is answered, and not by an error: a server that is not responsible any more answers as well.
    pub(in super::super) fn answered(self) -> Heard {
        self.feed.answered(self.asked_at);
        Heard {
            feed: self.feed,
            asked_at: self.asked_at,
        }
    }
}

/// Over which connection an answer came, and when it was asked for.
pub(in super::super) struct Heard {
    pub(super) feed: Arc<Feed>,
    pub(super) asked_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_vouches_for_as_long_as_is_set_from_when_it_was_asked_for() {
        let feed = Feed::open();
        let after = |nanos| feed.opened_at + Duration::from_nanos(nanos);
        let is_current =
            |at, staleness| feed.is_current(after(at), Duration::from_nanos(staleness));
        feed.answered(after(100));
        feed.answered(after(50));
        assert!(is_current(100, 0));
        assert!(is_current(110, 10));
        assert!(!is_current(111, 10));
        assert!(feed.is_current(after(u64::MAX), Duration::MAX));
    }
}
