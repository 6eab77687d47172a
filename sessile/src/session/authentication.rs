//! What [`Session`] requires of a user.

use std::time::Duration;

use super::{Session, machine::Binding};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    config::Settings,
    engine::Backend,
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
        let max_age = match self.backend() {
            Some(backend) => backend.recent_authentication(),
            None => Settings::default().recent_authentication,
        };
        match self.time_since_authentication() {
            Some(age) if age <= max_age => Ok(subject),
            _ => Err(AuthenticationError::NotRecent { max_age }),
        }
    }

    /// A time in the future, which another server's clock has set, counts as now.
    fn time_since_authentication(&self) -> Option<Duration> {
        let authenticated_at = self.authenticated_at()?;
        Some(self.now().saturating_duration_since(authenticated_at))
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.backend()).map_or_else(|| SystemClock.now(), Backend::now)
    }
}
