//! [`Known`]: a session of a check.

use super::contract::content::content;
use crate::{
    record::Details,
    storage::{Loaded, SessionId},
};

/// A session of a check, as the check stored it.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) id: SessionId,
    pub(super) loaded: Loaded,
    pub(super) number: u32,
}

impl Known {
    /// The same session with another content, at another version.
    pub(super) fn changed(&self) -> Self {
        self.with(|_| {})
    }

    pub(super) fn labelled(&self, label: Option<&str>) -> Self {
        self.with(|details| details.lookup_label = label.map(ToOwned::to_owned))
    }

    /// The session as that of a guest: without a user and a time of sign-in.
    pub(super) fn signed_out(&self) -> Self {
        self.with(|details| {
            details.subject = None;
            details.signed_in_at = None;
        })
    }

    pub(super) fn with(&self, change: impl FnOnce(&mut Details)) -> Self {
        let mut loaded = content(self.number);
        let payload = self.loaded.record.payload();
        let mut details = payload.details().cloned().unwrap_or_default();
        change(&mut details);
        if details != Details::default() {
            let mut payload = loaded.record.payload();
            *payload.details_mut() = details;
            loaded.record.set_payload(payload);
        }
        Self {
            loaded,
            ..self.clone()
        }
    }

    /// What a message calls it.
    pub(super) fn of(&self) -> String {
        format!("of session {}", self.number)
    }
}
