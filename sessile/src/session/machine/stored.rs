//! [`Stored`]: a stored session, and what a request knows of it.

use std::{fmt, sync::Arc};

use smallvec::SmallVec;

use crate::{
    clock::Timestamp,
    record::{Epoch, Record, Secret, id::SessionId},
    storage::Version,
};

/// The values of a request's session cookies, still sealed.
pub(crate) type Cookies = SmallVec<[Arc<[u8]>; 1]>;

/// What a request knows of the stored session.
#[derive(Default)]
pub(crate) enum Binding {
    /// The session is not stored.
    #[default]
    New,
    /// Not loaded yet: these cookies may name a stored session.
    Unopened(Cookies),
    /// The session is stored as this.
    Stored(Arc<Stored>),
    /// The request presented a secret from before a renewal. The session is stored, and the request has no
    /// access to it.
    Stale {
        id: SessionId,
        /// The epoch of the secret, for forms that were open.
        epoch: Option<Epoch>,
    },
    /// Another request renewed the session, which this request loaded as this.
    Superseded(Arc<Stored>),
    /// Another request ended the session.
    Ended,
    /// The store failed, and the request continues without a stored session.
    Detached(Cookies),
}

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
    /// The session after an update to this version and record, which does not renew it.
    pub(crate) fn updated(&self, version: Version, record: Record) -> Self {
        Self {
            id: self.id.clone(),
            secret: self.secret,
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
