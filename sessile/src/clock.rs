//! Time, as the engine and the stores read it: through a [`Clock`] that is passed in. And a limit for what takes time.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

/// A moment, in whole milliseconds since the Unix epoch.
///
/// It is wall-clock time, because sessions outlive processes and move between servers. Arithmetic
/// saturates: a wrong clock causes neither a panic nor an overflow.
///
/// ```
/// use std::time::Duration;
/// use sessile::clock::Timestamp;
///
/// let noon = Timestamp::from_unix_millis(43_200_000);
/// let later = noon.saturating_add(Duration::from_secs(60));
///
/// assert_eq!(later.saturating_duration_since(noon), Duration::from_secs(60));
/// assert_eq!(noon.saturating_duration_since(later), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest moment that a timestamp can express.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment `millis` milliseconds after the Unix epoch.
    ///
    /// ```
    /// use sessile::clock::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_unix_millis(1500).as_unix_millis(), 1500);
    /// ```
    #[must_use]
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    ///
    /// ```
    /// use sessile::clock::Timestamp;
    ///
    /// assert_eq!(Timestamp::MAX.as_unix_millis(), u64::MAX);
    /// ```
    #[must_use]
    pub const fn as_unix_millis(self) -> u64 {
        self.0
    }

    /// The moment `duration` later, or [`MAX`](Self::MAX) if that is out of range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::clock::Timestamp;
    ///
    /// assert_eq!(Timestamp::MAX.saturating_add(Duration::from_secs(1)), Timestamp::MAX);
    /// ```
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(duration)))
    }

    pub(crate) fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(duration)))
    }

    /// The time since `earlier`. It is zero if `earlier` is in the future, for example because the
    /// clocks of two servers differ.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::clock::Timestamp;
    ///
    /// let (earlier, later) = (Timestamp::from_unix_millis(0), Timestamp::from_unix_millis(1000));
    /// assert_eq!(later.saturating_duration_since(earlier), Duration::from_secs(1));
    /// assert_eq!(earlier.saturating_duration_since(later), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A time that the platform can't represent becomes the Unix epoch.
impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH
            .checked_add(Duration::from_millis(timestamp.0))
            .unwrap_or(UNIX_EPOCH)
    }
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The source of the time for the engine and the stores.
///
/// The default is [`SystemClock`]. A test sets the time of a [`ManualClock`], so that it does not
/// have to sleep.
///
/// ```
/// use sessile::{clock::{Clock, Timestamp}, config::Settings};
///
/// /// Shows the same time forever.
/// struct StoppedClock;
///
/// impl Clock for StoppedClock {
///     fn now(&self) -> Timestamp {
///         Timestamp::from_unix_millis(1_800_000_000_000)
///     }
/// }
///
/// assert_eq!(StoppedClock.now(), StoppedClock.now());
/// let settings = Settings::default().clock(StoppedClock);
/// # let _ = settings;
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The operating system's wall clock.
///
/// ```
/// use sessile::clock::{Clock, SystemClock, Timestamp};
///
/// assert!(SystemClock.now() > Timestamp::from_unix_millis(1_700_000_000_000));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A time before 1970 counts as 1970, so that a wrong clock causes no panic.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(whole_millis(since_epoch))
    }
}

/// A clock that only [`advance`](Self::advance) moves. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use sessile::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::default();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(3600));
///
/// assert_eq!(clock.now().saturating_duration_since(start), Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `start`.
    ///
    /// ```
    /// use sessile::clock::{Clock, ManualClock, Timestamp};
    ///
    /// let start = Timestamp::from_unix_millis(1000);
    /// assert_eq!(ManualClock::starting_at(start).now(), start);
    /// ```
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(start.0)))
    }

    /// Moves the clock forward.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::clock::{Clock, ManualClock, Timestamp};
    ///
    /// let clock = ManualClock::starting_at(Timestamp::from_unix_millis(1000));
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(clock.now(), Timestamp::from_unix_millis(2000));
    /// ```
    pub fn advance(&self, by: Duration) {
        let advanced = |now: u64| Some(now.saturating_add(whole_millis(by)));
        let _ = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, advanced);
    }
}

impl Default for ManualClock {
    /// A clock that stands at the time of the operating system when it is created.
    fn default() -> Self {
        Self::starting_at(SystemClock.now())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A [`Clock`] that clones share. It implements `Debug`, so that its owners can derive it.
#[derive(Clone)]
pub(crate) struct SharedClock(Arc<dyn Clock>);

impl SharedClock {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self(Arc::new(clock))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl Default for SharedClock {
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// The output of `future`, or `Err(limit)` if it takes longer. A future that is ready at once starts no timer.
pub(crate) const fn within<F: Future>(limit: Duration, future: F) -> Within<F> {
    Within {
        limit,
        future,
        timer: None,
    }
}

pin_project! {
    /// The future of [`within`]. It contains `future` once, where the future of an `async` function would contain it
    /// twice.
    pub(crate) struct Within<F> {
        limit: Duration,
        #[pin]
        future: F,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Duration>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if this.timer.is_none() {
            this.timer.set(Some(sleep(*this.limit)));
        }
        match this.timer.as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| Err(*this.limit)),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
