//! [`Lifetime`]: when a session ends, as pure functions of its record and the time.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    config::{AbsoluteTimeoutFrom, Persistence, SessionLifecycle, Settings, TtlExtensionPolicy},
    record::{Details, Record},
    storage::MARK_LIFETIME,
};

/// How long the sessions of an application live.
///
/// A session ends at the idle timeout, which counts from the last use, or at the absolute timeout, which counts from
/// the sign-in or the creation. The engine checks both with its own clock; the time to live that it passes to stores
/// is for clean-up.
#[derive(Debug, Clone)]
pub(crate) struct Lifetime {
    guests: Limits,
    signed_in: Limits,
    absolute_from: AbsoluteTimeoutFrom,
    touch_fraction: f64,
    max_persistence: Duration,
}

/// The limits that a session lives under.
#[derive(Debug, Clone, Copy)]
struct Limits {
    idle: Duration,
    /// The idle timeout by the times in a record.
    ///
    /// If reading extends the lifetime, the record may lag behind the last use by the time between two touches. That time
    /// is added, so that a session never expires early, but no idle timeout is longer than the maximum.
    lagging_idle: Duration,
    absolute: Option<Duration>,
    /// How long after the last touch a request that only reads touches the record again; `None`
    /// where such requests extend nothing.
    touch_after: Option<Duration>,
    /// Whether the browser keeps the cookie when it closes.
    is_persistent: bool,
}

/// How much longer than its session a store keeps a record, so that a request that opened a live session can
/// still commit it.
pub(crate) const SLACK: Duration = Duration::from_secs(60);

/// How often the use of a signed-in session is stored under policies by which reading extends nothing, so that lists of a
/// user's sessions show when each was last used.
const USE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// A session that was created further in the future counts as expired: its times are not reliable.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// The longest idle timeout. Stores remember for as long that the sessions of a user were ended. Browsers keep no cookie
/// longer (RFC 6265bis, section 5.5).
const MAX_IDLE: Duration = MARK_LIFETIME;

impl Lifetime {
    pub(crate) fn new(settings: &Settings) -> Self {
        let (lifecycle, absolute) = (&settings.lifecycle, settings.absolute_timeout);
        let of_users = settings.signed_in_lifecycle.as_ref();
        let absolute_of_users = settings.signed_in_absolute_timeout.or(absolute);
        let fraction = settings.touch_fraction;
        Self {
            guests: Limits::of(lifecycle, absolute, fraction),
            signed_in: Limits::of(of_users.unwrap_or(lifecycle), absolute_of_users, fraction),
            absolute_from: settings.absolute_timeout_from,
            touch_fraction: fraction,
            max_persistence: settings.max_persistence.min(MAX_IDLE),
        }
    }

    #[inline]
    fn limits(&self, record: &Record) -> Limits {
        match record.details() {
            // Most sessions of guests.
            None => self.guests,
            Some(details) => self.limits_of(details),
        }
    }

    fn limits_of(&self, details: &Details) -> Limits {
        let limits = match details.subject {
            Some(_) => self.signed_in,
            None => self.guests,
        };
        match details.lifetime {
            Some(own) => self.limits_of_own(own, limits),
            None => limits,
        }
    }

    /// The limits of a session with a lifetime of its own. The settings decide what extends it.
    fn limits_of_own(&self, own: Persistence, settings: Limits) -> Limits {
        let capped = |timeout: Duration| timeout.min(self.max_persistence);
        let idle = capped(own.idle);
        let absolute = match (own.absolute, settings.absolute) {
            (Some(own), _) => capped(own),
            // A shared computer: without a timeout of its own, that of the settings applies.
            (None, Some(settings)) if !own.is_remembered => capped(settings),
            (None, _) => self.max_persistence,
        };
        let absolute = Some(absolute);
        let touch_after = (settings.touch_after).map(|_| part(idle, self.touch_fraction));
        Limits::new(idle, absolute, touch_after, own.is_remembered)
    }

    /// The time that the absolute timeout counts from.
    fn begin(&self, record: &Record) -> Timestamp {
        match self.absolute_from {
            AbsoluteTimeoutFrom::SignIn => record.signed_in_at(),
            AbsoluteTimeoutFrom::Creation => None,
        }
        .unwrap_or(record.created_at)
    }

    /// When the session expires unless a request extends its lifetime, by the times in its record.
    pub(crate) fn ends_at(&self, record: &Record) -> Timestamp {
        let limits = self.limits(record);
        let idle_end = record.used_at.saturating_add(limits.lagging_idle);
        match limits.absolute {
            Some(absolute) => idle_end.min(self.begin(record).saturating_add(absolute)),
            None => idle_end,
        }
    }

    /// Whether the session has ended: at the end that its record carries, or at the one by these settings,
    /// whichever is earlier. A time in the future, which another server's clock has set, counts as now.
    pub(crate) fn has_ended(&self, record: &Record, now: Timestamp) -> bool {
        record.created_at.saturating_duration_since(now) > MAX_AHEAD
            || self.remaining(record, now).is_zero()
    }

    /// How long the session lives from `now` on.
    fn remaining(&self, record: &Record, now: Timestamp) -> Duration {
        let limits = self.limits(record);
        let unused = now.saturating_duration_since(record.used_at);
        let remaining = limits.lagging_idle.saturating_sub(unused);
        let remaining = remaining.min(record.ends_at.saturating_duration_since(now));
        match limits.absolute {
            Some(absolute) => {
                let age = now.saturating_duration_since(self.begin(record));
                remaining.min(absolute.saturating_sub(age))
            }
            None => remaining,
        }
    }

    /// How long a store has to keep `record`.
    pub(crate) fn ttl(&self, record: &Record, now: Timestamp) -> Duration {
        self.remaining(record, now).saturating_add(SLACK)
    }

    /// Whether a store would have removed this record by now: its session ended at least [`SLACK`] ago.
    pub(crate) fn is_removable(&self, record: &Record, now: Timestamp) -> bool {
        self.has_ended(record, now.saturating_sub(SLACK))
    }

    /// How long a session lives from its last use on at most, whatever its record says.
    pub(crate) fn longest(&self) -> Duration {
        let limits = [self.guests, self.signed_in];
        let idle = limits.map(|limits| limits.lagging_idle);
        idle.into_iter().fold(self.max_persistence, Duration::max)
    }

    /// Whether requests that only read may extend the lifetime of any session.
    pub(crate) const fn reading_extends_any(&self) -> bool {
        self.guests.touch_after.is_some() || self.signed_in.touch_after.is_some()
    }

    /// Whether requests that only read extend the life of this session.
    pub(crate) fn reading_extends(&self, record: &Record) -> bool {
        self.limits(record).touch_after.is_some()
    }

    /// What a request that only reads does to the lifetime of a session.
    ///
    /// Calls `now` only if reading extends the lifetime.
    pub(crate) fn on_read(&self, record: &Record, now: impl FnOnce() -> Timestamp) -> OnRead {
        let Some(pause) = self.limits(record).touch_after else {
            return OnRead::Nothing;
        };
        let now = now();
        // The clock of the server that wrote the record is ahead. The store removes it by its own clock, `SLACK` later.
        let is_ahead = record.used_at > now.saturating_add(SLACK);
        let unused = now.saturating_duration_since(record.used_at);
        match record.undated || is_ahead || unused >= pause {
            true => OnRead::Touch,
            false => OnRead::Reissue,
        }
    }

    /// Whether a read has to store the time of use: for a signed-in session whose lifetime reading does not extend, every five
    /// minutes.
    pub(crate) fn stores_use(&self, record: &Record, now: impl FnOnce() -> Timestamp) -> bool {
        record.has_subject()
            && !self.reading_extends(record)
            && now().saturating_duration_since(record.used_at) >= USE_INTERVAL
    }

    /// Whether both records have the same lifetime of their own, or none.
    pub(crate) fn have_same_own_lifetime(one: &Record, other: &Record) -> bool {
        let own = |record: &Record| record.details().and_then(|it| it.lifetime);
        own(one) == own(other)
    }

    /// The cookie's `Max-Age`; `None` for a cookie that the browser forgets when it closes.
    pub(crate) fn max_age(&self, record: &Record, now: Timestamp) -> Option<Duration> {
        let limits = self.limits(record);
        let age = now.saturating_duration_since(self.begin(record));
        limits.is_persistent.then(|| match limits.absolute {
            Some(absolute) => limits.idle.min(absolute.saturating_sub(age)),
            None => limits.idle,
        })
    }

    /// Whether a change of the session extends the life of its cookie.
    pub(crate) fn change_extends_cookie(&self, record: &Record) -> bool {
        let limits = self.limits(record);
        limits.is_persistent || limits.touch_after.is_some()
    }

    /// Whether the browser keeps the cookie of one of the records for another time than that of the other one.
    pub(crate) fn cookies_differ(&self, one: &Record, other: &Record) -> bool {
        let [one, other] = [one, other].map(|it| {
            let limits = self.limits(it);
            limits.is_persistent.then_some(limits.idle)
        });
        one != other
    }
}

impl Limits {
    /// `touch_fraction` is the part of the idle timeout that may pass between two touches, 0 to 1.
    fn of(lifecycle: &SessionLifecycle, absolute: Option<Duration>, touch_fraction: f64) -> Self {
        let idle = lifecycle.ttl().unsigned_abs().min(MAX_IDLE);
        let touch_after = match lifecycle.policy() {
            TtlExtensionPolicy::OnEveryRequest => Some(part(idle, touch_fraction)),
            TtlExtensionPolicy::OnStateChanges => None,
        };
        let is_persistent = matches!(lifecycle, SessionLifecycle::PersistentSession(_));
        Self::new(idle, absolute, touch_after, is_persistent)
    }

    fn new(
        idle: Duration,
        absolute: Option<Duration>,
        touch_after: Option<Duration>,
        is_persistent: bool,
    ) -> Self {
        let lag = touch_after.unwrap_or_default();
        Self {
            idle,
            lagging_idle: idle.saturating_add(lag).min(MAX_IDLE),
            absolute,
            touch_after,
            is_persistent,
        }
    }
}

fn part(idle: Duration, fraction: f64) -> Duration {
    Duration::try_from_secs_f64(idle.as_secs_f64() * fraction).unwrap_or(idle)
}

/// What a request that only reads does to the lifetime of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OnRead {
    /// Nothing.
    Nothing,
    /// The response sends the cookie again, with its full `Max-Age` if it has one. The record does not change.
    Reissue,
    /// The record is written: to extend its lifetime, to store its last use, or for a rotation.
    Touch,
}

#[cfg(test)]
mod tests;
