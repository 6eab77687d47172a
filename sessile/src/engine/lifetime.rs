//! [`Lifetime`]: when a session ends, as pure functions of its record and the time.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    config::{SessionLifecycle, TtlExtensionPolicy},
    record::Record,
};

/// The limits that a session lives under.
///
/// It ends at the idle timeout, which counts from the last use, or at the absolute timeout, which counts from
/// its creation. The engine checks both with its own clock; the time to live that it passes to stores is for
/// clean-up.
#[derive(Debug, Clone)]
pub(crate) struct Lifetime {
    idle: Duration,
    absolute: Option<Duration>,
    /// How long after the last touch a request that only reads touches the record again; `None`
    /// where such requests extend nothing.
    touch_after: Option<Duration>,
    /// Whether the browser keeps the cookie when it closes.
    persistent: bool,
}

/// How much longer than its session a store keeps a record, so that a request that opened a live session can
/// still commit it.
pub(crate) const SLACK: Duration = Duration::from_secs(60);

/// A session that was created further in the future counts as expired: its times are not reliable.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// The longest `Max-Age` that browsers keep to (RFC 6265bis, section 5.5).
const MAX_MAX_AGE: Duration = Duration::from_secs(400 * 24 * 3600);

impl Lifetime {
    /// `touch_fraction` is the part of the idle timeout that may pass between two touches, 0 to 1.
    pub(crate) fn new(
        lifecycle: &SessionLifecycle,
        absolute: Option<Duration>,
        touch_fraction: f64,
    ) -> Self {
        let (idle, policy, persistent) = match lifecycle {
            SessionLifecycle::BrowserSession(session) => {
                (session.state_ttl, session.state_ttl_extension_policy, false)
            }
            SessionLifecycle::PersistentSession(session) => (
                session.session_ttl,
                session.session_ttl_extension_policy,
                true,
            ),
        };
        let idle = idle.unsigned_abs();
        Self {
            idle,
            absolute,
            touch_after: match policy {
                TtlExtensionPolicy::OnEveryRequest => Some(
                    Duration::try_from_secs_f64(idle.as_secs_f64() * touch_fraction)
                        .unwrap_or(idle),
                ),
                TtlExtensionPolicy::OnStateChanges => None,
            },
            persistent,
        }
    }

    /// The idle timeout and the absolute timeout of a session.
    ///
    /// If reading extends the lifetime, the record may lag behind the last use by the time between two
    /// touches. That time is added, so that a session never expires early.
    fn timeouts(&self, record: &Record) -> (Duration, Option<Duration>) {
        let (idle, absolute) = match record.own_lifetime() {
            Some(own) => (own.idle, own.absolute),
            None => (self.idle, self.absolute),
        };
        (
            idle.saturating_add(self.touch_after.unwrap_or_default()),
            absolute,
        )
    }

    /// When the session expires unless a request extends its lifetime, by the times in its record.
    pub(crate) fn ends_at(&self, record: &Record) -> Timestamp {
        let (idle, absolute) = self.timeouts(record);
        let idle_end = record.used_at.saturating_add(idle);
        match absolute {
            Some(absolute) => idle_end.min(record.created_at.saturating_add(absolute)),
            None => idle_end,
        }
    }

    /// Whether the session has ended: at the end that its record carries, or at the one by these settings,
    /// whichever is earlier. A time in the future, which another server's clock has set, counts as now.
    pub(crate) fn has_ended(&self, record: &Record, now: Timestamp) -> bool {
        record.created_at.saturating_duration_since(now) > MAX_AHEAD
            || record.ends_at <= now
            || self.remaining(record, now).is_zero()
    }

    /// How long the session lives from `now` on by these settings.
    fn remaining(&self, record: &Record, now: Timestamp) -> Duration {
        let (idle, absolute) = self.timeouts(record);
        let unused = now.saturating_duration_since(record.used_at);
        let age = now.saturating_duration_since(record.created_at);
        let remaining = idle.saturating_sub(unused);
        match absolute {
            Some(absolute) => remaining.min(absolute.saturating_sub(age)),
            None => remaining,
        }
    }

    /// How long a store has to keep `record`.
    pub(crate) fn ttl(&self, record: &Record, now: Timestamp) -> Duration {
        self.remaining(record, now).saturating_add(SLACK)
    }

    /// Whether requests that only read may extend the lifetime of a session.
    pub(crate) const fn reading_extends(&self) -> bool {
        self.touch_after.is_some()
    }

    /// What a request that only reads does to the lifetime of a session.
    ///
    /// Calls `now` only if reading extends the lifetime.
    pub(crate) fn on_read(&self, record: &Record, now: impl FnOnce() -> Timestamp) -> OnRead {
        let unused = || now().saturating_duration_since(record.used_at);
        match self.touch_after {
            None => OnRead::Nothing,
            Some(pause) if record.undated || unused() >= pause => OnRead::Touch,
            Some(_) => OnRead::Reissue,
        }
    }

    /// The cookie's `Max-Age`; `None` for a cookie that the browser forgets when it closes.
    ///
    /// Calls `now` only if there is an absolute timeout.
    pub(crate) fn max_age(
        &self,
        created_at: Timestamp,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Duration> {
        let age = || now().saturating_duration_since(created_at);
        self.persistent
            .then(|| match self.absolute {
                Some(absolute) => self.idle.min(absolute.saturating_sub(age())),
                None => self.idle,
            })
            .map(|max_age| max_age.min(MAX_MAX_AGE))
    }

    /// Whether the cookie has a `Max-Age`.
    pub(crate) const fn is_persistent(&self) -> bool {
        self.persistent
    }
}

/// What a request that only reads does to the lifetime of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnRead {
    /// Nothing.
    Nothing,
    /// The response sends the cookie again, with its full `Max-Age` if it has one. The record does not change.
    Reissue,
    /// The store extends the lifetime of the record, and the response that of the cookie.
    Touch,
}

#[cfg(test)]
mod tests;
