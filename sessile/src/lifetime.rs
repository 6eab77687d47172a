//! [`Lifetime`]: when a session ends, as pure functions of its record and the time.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    config::{SessionLifecycle, TtlExtensionPolicy},
    record::Record,
};

/// The limits that a session lives under.
///
/// Two of them end it, whichever comes first: the idle timeout, counted from when its life was last
/// extended, and the absolute timeout, counted from its first creation. The engine judges both by
/// its own clock; the time to live that stores are given is for cleaning up.
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

impl Lifetime {
    /// `touch_fraction` is the part of the idle timeout that may pass between two touches, 0 to 1.
    pub(crate) fn new(
        lifecycle: &SessionLifecycle,
        absolute: Option<time::Duration>,
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
            absolute: absolute.map(time::Duration::unsigned_abs),
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

    /// When the session ends if nothing extends its life.
    ///
    /// Where reading extends it, the record may lag behind its last use by the pause between two
    /// touches; that pause is granted on top, so that a session never ends earlier than promised.
    pub(crate) fn ends_at(&self, created_at: Timestamp, touched_at: Timestamp) -> Timestamp {
        let idle_end = touched_at
            .saturating_add(self.idle)
            .saturating_add(self.touch_after.unwrap_or_default());
        match self.absolute {
            Some(absolute) => idle_end.min(created_at.saturating_add(absolute)),
            None => idle_end,
        }
    }

    pub(crate) fn is_over(&self, record: &Record, now: Timestamp) -> bool {
        self.ends_at(record.created_at, record.touched_at) <= now
    }

    /// How long a store has to keep `record`.
    pub(crate) fn ttl(&self, record: &Record, now: Timestamp) -> Duration {
        self.ends_at(record.created_at, record.touched_at)
            .since(now)
    }

    /// Whether requests that only read may extend a session's life.
    pub(crate) const fn reading_extends(&self) -> bool {
        self.touch_after.is_some()
    }

    /// What a request that only reads does for the life of a session touched at `touched_at`, if
    /// that is known.
    ///
    /// What time it is matters only where reading extends it.
    pub(crate) fn on_read(
        &self,
        touched_at: Option<Timestamp>,
        now: impl FnOnce() -> Timestamp,
    ) -> OnRead {
        let is_due = |pause| touched_at.is_none_or(|touched_at| now().since(touched_at) >= pause);
        match self.touch_after {
            None => OnRead::Nothing,
            Some(pause) if is_due(pause) => OnRead::Touch,
            Some(_) if self.persistent => OnRead::Reissue,
            Some(_) => OnRead::Nothing,
        }
    }

    /// The cookie's `Max-Age`; `None` for a cookie that the browser forgets when it closes.
    ///
    /// What time it is matters only where there is an absolute timeout.
    pub(crate) fn max_age(
        &self,
        created_at: Timestamp,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Duration> {
        self.persistent.then(|| match self.absolute {
            Some(absolute) => self
                .idle
                .min(created_at.saturating_add(absolute).since(now())),
            None => self.idle,
        })
    }

    /// Whether the cookie has a `Max-Age`.
    pub(crate) const fn is_persistent(&self) -> bool {
        self.persistent
    }
}

/// What a request that only reads does for the session's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnRead {
    /// Nothing.
    Nothing,
    /// The browser gets its cookie again, with the full `Max-Age`; the record need not change yet.
    Reissue,
    /// The store extends the record's life, and the browser the cookie's.
    Touch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrowserSession, PersistentSession};

    const START: Timestamp = Timestamp::from_unix_millis(1_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(seconds))
    }

    fn record(created: u64, touched: u64) -> Record {
        let mut record = Record::new(at(created));
        record.touched_at = at(touched);
        record
    }

    fn browser(policy: TtlExtensionPolicy) -> SessionLifecycle {
        BrowserSession::default()
            .state_ttl(time::Duration::seconds(100))
            .state_ttl_extension_policy(policy)
            .into()
    }

    fn persistent(policy: TtlExtensionPolicy) -> SessionLifecycle {
        PersistentSession::default()
            .session_ttl(time::Duration::seconds(100))
            .session_ttl_extension_policy(policy)
            .into()
    }

    use TtlExtensionPolicy::{OnEveryRequest, OnStateChanges};

    #[test]
    fn idle_time_counts_from_the_last_touch() {
        let lifetime = Lifetime::new(&browser(OnStateChanges), None, 0.1);
        assert!(!lifetime.is_over(&record(0, 50), at(149)));
        assert!(lifetime.is_over(&record(0, 50), at(150)));
        assert_eq!(
            lifetime.ttl(&record(0, 50), at(60)),
            Duration::from_secs(90)
        );
        assert_eq!(lifetime.ttl(&record(0, 50), at(500)), Duration::ZERO);
    }

    #[test]
    fn absolute_time_counts_from_creation_whatever_is_touched() {
        let absolute = Some(time::Duration::seconds(120));
        let lifetime = Lifetime::new(&persistent(OnStateChanges), absolute, 0.1);
        assert!(!lifetime.is_over(&record(0, 119), at(119)));
        assert!(lifetime.is_over(&record(0, 119), at(120)));
        assert_eq!(
            lifetime.max_age(at(0), || at(90)),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            lifetime.max_age(at(0), || at(10)),
            Some(Duration::from_secs(100))
        );
    }

    #[test]
    fn a_used_session_never_ends_before_its_idle_timeout() {
        let lifetime = Lifetime::new(&persistent(OnEveryRequest), None, 0.1);
        // Used last at 9 s, when no touch was due yet: it is promised until 109 s.
        assert_eq!(lifetime.on_read(Some(at(0)), || at(9)), OnRead::Reissue);
        assert!(!lifetime.is_over(&record(0, 0), at(109)));
        assert!(lifetime.is_over(&record(0, 0), at(110)));
    }

    #[test]
    fn reads_touch_once_in_a_fraction() {
        let lifetime = Lifetime::new(&persistent(OnEveryRequest), None, 0.1);
        assert_eq!(lifetime.on_read(Some(at(0)), || at(10)), OnRead::Touch);
        let always = Lifetime::new(&persistent(OnEveryRequest), None, 0.0);
        assert_eq!(always.on_read(Some(at(0)), || at(0)), OnRead::Touch);
        let browser_kept = Lifetime::new(&browser(OnEveryRequest), None, 0.1);
        assert_eq!(browser_kept.on_read(Some(at(0)), || at(9)), OnRead::Nothing);
        // Who knows how long ago.
        assert_eq!(browser_kept.on_read(None, || at(9)), OnRead::Touch);
        let changes_only = Lifetime::new(&persistent(OnStateChanges), None, 0.1);
        assert_eq!(changes_only.on_read(None, || at(99)), OnRead::Nothing);
        assert_eq!(
            changes_only.on_read(Some(at(0)), || at(99)),
            OnRead::Nothing
        );
    }

    #[test]
    fn a_clock_that_runs_behind_neither_ends_nor_touches() {
        let lifetime = Lifetime::new(&persistent(OnEveryRequest), None, 0.1);
        assert!(!lifetime.is_over(&record(100, 100), at(0)));
        assert_eq!(lifetime.on_read(Some(at(100)), || at(0)), OnRead::Reissue);
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        let forever: SessionLifecycle = PersistentSession::default()
            .session_ttl(time::Duration::MAX)
            .session_ttl_extension_policy(OnEveryRequest)
            .into();
        let lifetime = Lifetime::new(&forever, Some(time::Duration::MAX), 1.0);
        assert!(!lifetime.is_over(&record(0, 0), at(1_000_000_000)));
    }
}
