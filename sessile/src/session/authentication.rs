//! What [`Session`] requires of a user.

use super::{Session, machine::Binding};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    config::Settings,
    error::AuthenticationError,
};

impl Session {
    /// The user that the session is signed in as, or the error that a page for signed-in users responds with.
    ///
    #[doc = include_str!("docs/require_signed_in.md")]
    pub fn require_signed_in(&self) -> Result<String, AuthenticationError> {
        let machine = self.reading();
        match machine.binding {
            Binding::Unopened(_) => return Err(AuthenticationError::NotLoaded),
            Binding::Detached(_) => return Err(AuthenticationError::NoStore),
            Binding::Stale { .. } | Binding::Superseded(_) => {
                return Err(AuthenticationError::Superseded);
            }
            Binding::Ended => return Err(AuthenticationError::NotSignedIn),
            Binding::New | Binding::Stored(_) => {}
        }
        let subject = machine.payload.subject();
        (subject.map(ToOwned::to_owned)).ok_or(AuthenticationError::NotSignedIn)
    }

    /// As [`require_signed_in`](Self::require_signed_in), with an error if the user authenticated longer ago than
    /// [`Settings::recent_authentication`](crate::config::Settings::recent_authentication): before a change of the
    /// password, a payment, or other sensitive actions (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
    ///
    #[doc = include_str!("docs/require_recent_authentication.md")]
    pub fn require_recent_authentication(&self) -> Result<String, AuthenticationError> {
        let subject = self.require_signed_in()?;
        let of = |settings: &Settings| (settings.recent_authentication, settings.clock_allowance);
        let (max_age, max_ahead) = match self.backend() {
            Some(backend) => of(backend.settings()),
            None => of(&Settings::default()),
        };
        let now = self.now();
        let is_recent = |at: Timestamp| {
            now.saturating_duration_since(at) <= max_age
                && at.saturating_duration_since(now) <= max_ahead
        };
        match self.authenticated_at() {
            Some(at) if is_recent(at) => Ok(subject),
            _ => Err(AuthenticationError::NotRecent { max_age }),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.backend()).map_or_else(|| SystemClock.now(), |it| it.settings().clock.now())
    }
}
