//! [`Stored`]: a stored session.

use std::fmt;

use super::Renewal;
use crate::{
    clock::Timestamp,
    record::{
        Record,
        id::{Secret, SessionId},
    },
    storage::Version,
};

/// A stored session. It is large and never changes, so it is shared.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: SessionId,
    /// The secret in the cookie; `None` for a session whose id is the secret.
    pub(crate) secret: Option<Secret>,
    pub(crate) version: Version,
    pub(crate) record: Record,
    /// When the request came that presented the secret.
    pub(crate) presented_at: Timestamp,
}

impl fmt::Debug for Stored {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("id", &self.id)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl Stored {
    /// The session after an update to this version and record.
    pub(crate) fn updated(
        &self,
        version: Version,
        record: Record,
        renewal: Option<Renewal>,
    ) -> Self {
        Self {
            id: self.id.clone(),
            secret: renewal.map_or(self.secret, |it| Some(it.secret)),
            version,
            record,
            presented_at: self.presented_at,
        }
    }

    /// The same session, as the request presented it that knows it as `own`.
    pub(crate) fn presented_as(&self, own: &Self) -> Self {
        Self {
            secret: own.secret,
            presented_at: own.presented_at,
            ..self.clone()
        }
    }

    /// The same session at a version that is not stored, so that the next update conflicts and merges.
    pub(crate) fn unmerged(&self) -> Self {
        Self {
            version: Version::generate(),
            ..self.clone()
        }
    }
}
