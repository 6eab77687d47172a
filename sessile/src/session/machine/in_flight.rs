//! [`InFlight`]: a write whose outcome is not known yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Renewal, Stored};
use crate::{record::id::SessionId, storage::Version};

/// A write that the store has not answered.
#[derive(Clone)]
pub(crate) enum InFlight {
    Nothing,
    Create(SessionId),
    Update {
        version: Version,
        /// The new secret and epoch, if the write renews the session.
        renewal: Option<Renewal>,
    },
    /// An update that also stores the changes of other requests. It may not have been sent yet.
    Shared {
        attempt: Arc<SharedAttempt>,
        renewal: Option<Renewal>,
    },
}

/// The update that contains the changes of a request together with those of others, while its outcome is not known.
/// Another request may have sent it.
#[derive(Default)]
pub(crate) struct SharedAttempt(Mutex<Option<(Version, Arc<Stored>)>>);

impl SharedAttempt {
    /// The changes are in the update of `onto` to `version`.
    pub(crate) fn set(&self, version: Version, onto: &Arc<Stored>) {
        *self.lock() = Some((version, Arc::clone(onto)));
    }

    /// The changes are in no update, or its outcome is known.
    pub(crate) fn clear(&self) {
        *self.lock() = None;
    }

    /// The update with the changes, if there is one whose outcome is not known.
    pub(super) fn take(&self) -> Option<(Version, Arc<Stored>)> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Version, Arc<Stored>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
