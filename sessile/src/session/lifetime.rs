//! What a request changes of the lifetime of its [`Session`].

use super::{Session, journal::DetailChanges};
use crate::{config::Persistence, error::WriteError};

impl Session {
    /// Gives the session a lifetime of its own in place of the settings', or takes it away: "remember me".
    ///
    #[doc = include_str!("docs/set_persistence.md")]
    pub fn set_persistence(
        &self,
        persistence: impl Into<Option<Persistence>>,
    ) -> Result<(), WriteError> {
        let persistence = persistence.into();
        if persistence.is_some_and(|it| it.is_too_short()) {
            return Err(WriteError::TimeoutTooShort);
        }
        self.changing().change_details(DetailChanges {
            lifetime: Some(persistence),
            ..DetailChanges::default()
        })
    }

    /// Sets whether this request extends the life of the session. Default: `true`.
    ///
    #[doc = include_str!("docs/set_extends_life.md")]
    pub fn set_extends_life(&self, extends: bool) {
        self.machine().extends_life = extends;
    }
}
