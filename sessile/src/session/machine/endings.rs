//! [`Endings`]: the sessions that a request ends, beside the one that it uses.

use std::{mem, sync::Arc};

use super::{Cookies, Machine};
use crate::{cookie::Unsealed, record::id::SessionId, session::Work};

/// The sessions that a request ends.
#[derive(Default)]
pub(super) struct Endings {
    /// Those that the next flush ends, after a purge or a restart.
    pub(super) due: Vec<Target>,
    /// Other sessions that the request's cookies name. A purge ends them as well.
    pub(super) others: Vec<Target>,
    /// Sessions that may have been created, and that no cookie names.
    pub(super) abandoned: Vec<SessionId>,
}

/// A session that the next flush ends.
#[derive(Clone)]
pub(crate) enum Target {
    Session(SessionId),
    /// The sessions that these cookies name.
    Cookies(Cookies),
    /// The session that these verified cookies name, if they open it, or if a renewal replaced their secret within the
    /// grace period.
    Unjudged(Arc<[Unsealed]>),
}

impl Machine {
    pub(super) fn endings(&mut self) -> &mut Endings {
        self.endings.get_or_insert_default()
    }

    /// Lets the next flush end the other sessions that the request's cookies name.
    pub(super) fn end_others(&mut self) {
        if let Some(endings) = &mut self.endings {
            endings.due.append(&mut endings.others);
        }
    }

    /// Whether the next flush ends or deletes a session.
    pub(super) fn has_endings(&self) -> bool {
        (self.endings.as_ref()).is_some_and(|it| !it.due.is_empty() || !it.abandoned.is_empty())
    }

    /// The sessions that the next flush ends, and those that it deletes.
    pub(super) fn take_endings(&mut self) -> (Vec<Target>, Vec<SessionId>) {
        match &mut self.endings {
            Some(endings) => (
                mem::take(&mut endings.due),
                mem::take(&mut endings.abandoned),
            ),
            None => Default::default(),
        }
    }

    /// Takes back the sessions that a flush has not ended.
    pub(super) fn put_back_endings(&mut self, work: &mut Work) {
        if !work.ending.is_empty() || !work.abandoned.is_empty() {
            let endings = self.endings();
            endings.due.append(&mut work.ending);
            endings.abandoned.append(&mut work.abandoned);
        }
    }
}
