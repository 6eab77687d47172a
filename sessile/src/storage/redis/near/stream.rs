//! [`InvalidationStream`]: whether the invalidations of one connection can be relied on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The invalidations that arrive over one connection.
///
/// Invalidations and replies of a connection arrive in order. When the reply to a request arrives, every
/// invalidation from before the request was sent has arrived as well: what was read over this connection
/// and is still cached was current at that time. A setting limits how long ago that may be. After that the
/// session is read from Redis, and the reply renews the limit. So a connection that broke silently, a
/// server that hangs and a driver without processor time all have the same effect: the session is read
/// from Redis.
pub(super) struct InvalidationStream {
    /// `answered_at` counts from here.
    opened_at: Instant,
    has_ended: AtomicBool,
    /// When the newest request that has a reply was sent, in nanoseconds.
    answered_at: AtomicU64,
}

impl InvalidationStream {
    /// The stream of a connection that is about to be made.
    fn open() -> Arc<Self> {
        Arc::new(Self {
            opened_at: Instant::now(),
            has_ended: AtomicBool::new(false),
            answered_at: AtomicU64::new(0),
        })
    }

    fn answered(&self, asked_at: Instant) {
        self.answered_at
            .fetch_max(nanos(asked_at - self.opened_at), Ordering::AcqRel);
    }

    /// Whether every change from more than `max_staleness` ago has been announced over this connection.
    pub(super) fn is_current(&self, now: Instant, max_staleness: Duration) -> bool {
        let age =
            nanos(now - self.opened_at).saturating_sub(self.answered_at.load(Ordering::Acquire));
        !self.has_ended.load(Ordering::Acquire) && age <= nanos(max_staleness)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Ends an [`InvalidationStream`] when it is dropped.
///
/// There are two for each connection. The driver, which receives the invalidations, drops its guard when
/// the connection ends or when the driver's runtime ends. The sending side drops the other when it stops
/// using the connection.
pub(in super::super) struct StreamGuard(Arc<InvalidationStream>);

impl StreamGuard {
    /// Both guards of a connection that is about to be made.
    pub(in super::super) fn pair() -> [Self; 2] {
        let stream = InvalidationStream::open();
        [Self(Arc::clone(&stream)), Self(stream)]
    }

    /// Call it before a request is sent over the connection.
    pub(in super::super) fn ask(&self) -> Pending {
        Pending {
            stream: Arc::clone(&self.0),
            asked_at: Instant::now(),
        }
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
    }
}

/// A request that has no reply yet.
pub(in super::super) struct Pending {
    stream: Arc<InvalidationStream>,
    asked_at: Instant,
}

impl Pending {
    /// Call it when a reply has arrived that is not an error. A server that is no longer responsible for
    /// the key replies with an error.
    pub(in super::super) fn answered(self) -> Provenance {
        self.stream.answered(self.asked_at);
        Provenance {
            stream: self.stream,
            asked_at: self.asked_at,
        }
    }
}

/// The connection that a reply came over, and when its request was sent.
pub(in super::super) struct Provenance {
    pub(super) stream: Arc<InvalidationStream>,
    pub(super) asked_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_counts_from_when_its_request_was_sent() {
        let stream = InvalidationStream::open();
        let after = |nanos| stream.opened_at + Duration::from_nanos(nanos);
        let is_current =
            |at, staleness| stream.is_current(after(at), Duration::from_nanos(staleness));
        stream.answered(after(100));
        stream.answered(after(50));
        assert!(is_current(100, 0));
        assert!(is_current(110, 10));
        assert!(!is_current(111, 10));
        assert!(stream.is_current(after(u64::MAX), Duration::MAX));
    }
}
