//! [`Persistence`]: a lifetime that a session has in place of the settings'.

use std::time::Duration;

/// The shortest timeout that does not end a session at once. The times of sessions are whole milliseconds.
pub(super) const SHORTEST: Duration = Duration::from_millis(1);

/// A session's own lifetime, in place of that in the settings: "remember me".
///
/// [`Session::set_persistence`](crate::Session::set_persistence) gives it to a session. It replaces the idle timeout,
/// the absolute timeout and the lifetime of the cookie. The settings still decide which requests extend the session's
/// life.
///
/// [`Settings::max_persistence`](crate::config::Settings::max_persistence) caps both timeouts. If no absolute timeout is given,
/// it is `max_persistence`. A session [until the browser closes](Self::until_browser_closes) has that of the settings instead,
/// if they have one.
///
/// ```
/// use std::time::Duration;
/// use sessile::{Session, config::Persistence};
///
/// const DAY: Duration = Duration::from_secs(24 * 3600);
///
/// # let session = Session::new();
/// // Ends after 30 days without use, and 90 days after the sign-in.
/// session.set_persistence(Persistence::remembered(30 * DAY).absolute_timeout(90 * DAY))?;
/// // Back to the settings.
/// session.set_persistence(None)?;
///
/// assert!(session.set_persistence(Persistence::remembered(Duration::ZERO)).is_err());
/// # Ok::<(), sessile::error::WriteError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence {
    pub(crate) idle: Duration,
    pub(crate) absolute: Option<Duration>,
    /// Whether the browser keeps the cookie when it closes.
    pub(crate) is_remembered: bool,
}

impl Persistence {
    /// A session with this idle timeout. The browser keeps the cookie when it closes.
    #[must_use]
    pub const fn remembered(idle_timeout: Duration) -> Self {
        Self {
            idle: idle_timeout,
            absolute: None,
            is_remembered: true,
        }
    }

    /// A session with this idle timeout. The browser deletes the cookie when it closes: for a shared computer.
    #[must_use]
    pub const fn until_browser_closes(idle_timeout: Duration) -> Self {
        Self {
            is_remembered: false,
            ..Self::remembered(idle_timeout)
        }
    }

    /// Sets the absolute timeout. It counts from the sign-in, as
    /// [`Settings::absolute_timeout`](crate::config::Settings::absolute_timeout) does.
    #[must_use]
    pub const fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute = Some(timeout);
        self
    }

    /// Whether a timeout is so short that the session would end at once.
    pub(crate) fn is_too_short(&self) -> bool {
        let shortest = self.absolute.map_or(self.idle, |it| it.min(self.idle));
        shortest < SHORTEST
    }
}
