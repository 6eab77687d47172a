//! [`Machine`]: the state of a session while a request runs, and every transition of it.
//!
//! A session is opened, changed, saved, reloaded, committed and closed. Each of these transitions is a method in
//! this module. None of them waits, so each is atomic under the session's lock. The engine does everything that
//! takes time between two transitions: [`begin_flush`](Machine::begin_flush) takes the changes as [`Work`](super::Work), the
//! engine stores them, and [`finish`](Machine::finish) or [`put_back`](Machine::put_back) applies the outcome.
//!
//! Nothing here calls the application's code. Closures of the application are returned as
//! [`Discarded`](super::journal::Discarded) or stay in the `Work`, so that the caller drops them without the lock.

mod change;
mod csrf;
mod endings;
mod flush;
mod in_flight;
mod unsettled;

use std::{fmt, mem, sync::Arc};

use smallvec::SmallVec;

use self::endings::Endings;
use super::{SessionStatus, decide::CookieDue, journal::Journal};
use crate::{
    clock::Timestamp,
    engine::Opened,
    record::{Epoch, Payload, Record, Secret, id::SessionId},
    storage::Version,
};

pub(crate) use self::{
    endings::Target,
    in_flight::{InFlight, SharedAttempt},
    unsettled::{Renewal, Unsettled},
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

/// Whether a session can still be changed with its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The request runs.
    Running,
    /// The response was sent, or the client disconnected.
    Closed,
    /// A reload opened the session again after the response.
    Reopened,
}

pub(crate) struct Machine {
    pub(crate) binding: Binding,
    /// What is stored, with the changes of this request.
    pub(crate) payload: Payload,
    /// The strongest change since the session was last stored; after the commit, the one that it stored.
    pub(crate) status: SessionStatus,
    /// The changes that no flush has taken.
    pub(crate) journal: Journal,
    /// Counts the changes, so that code that released the lock detects a change in the meantime.
    pub(crate) changes: u64,
    /// Few requests have any.
    endings: Option<Box<Endings>>,
    /// The writes whose outcome is unknown.
    unsettled: Option<Box<Unsettled>>,
    /// Counts purges and restarts. A flush of an earlier generation stores a session that has to end.
    generation: u32,
    /// The epoch that the session gets when it is created or renewed, if that has been decided.
    next_epoch: Option<Epoch>,
    /// Whether a token was made for the session before it was stored, so that it has to be stored even if it is empty.
    has_csrf_token: bool,
    phase: Phase,
    is_committed: bool,
    /// Whether `status` describes what the commit stored, and no unstored change.
    is_status_past: bool,
    /// Whether the request has a cookie of our name, valid or not.
    pub(crate) cookie_came: bool,
    pub(crate) cookie_due: CookieDue,
    /// Whether the application read or changed the session, so that the response depends on the cookie.
    pub(crate) is_used: bool,
    /// Whether the request extends the life of the session.
    pub(crate) extends_life: bool,
    /// When the request began. A sign-in counts from then.
    pub(crate) began_at: Timestamp,
    /// Whether a user was signed in to the session at any time of the request.
    pub(crate) was_signed_in: bool,
    pub(crate) max_state_bytes: usize,
    is_flushing: bool,
    /// Whether what is on its way to the store was discarded: it is not taken back.
    is_flush_discarded: bool,
}

impl Machine {
    #[inline]
    pub(crate) fn new(
        binding: Binding,
        cookie_came: bool,
        began_at: Timestamp,
        max_state_bytes: usize,
    ) -> Self {
        Self {
            binding,
            payload: Payload::default(),
            status: SessionStatus::Unchanged,
            journal: Journal::default(),
            changes: 0,
            endings: None,
            unsettled: None,
            generation: 0,
            next_epoch: None,
            has_csrf_token: false,
            phase: Phase::Running,
            is_committed: false,
            is_status_past: false,
            cookie_came,
            cookie_due: CookieDue::Nothing,
            is_used: false,
            extends_life: true,
            began_at,
            was_signed_in: false,
            max_state_bytes,
            is_flushing: false,
            is_flush_discarded: false,
        }
    }

    /// Whether the values can be read.
    pub(crate) fn is_readable(&self) -> bool {
        !matches!(self.binding, Binding::Unopened(_))
    }

    /// Prepares a session that outer code used before the middleware: `cookies` name the session to open. If outer code
    /// purged or restarted it, that session ends.
    #[cfg(feature = "actix")]
    pub(crate) fn attach(&mut self, cookies: Option<Cookies>, cookie_came: bool) {
        self.cookie_came = cookie_came;
        match cookies {
            Some(cookies) if self.generation > 0 => {
                self.endings().due.push(Target::Cookies(cookies))
            }
            Some(cookies) => self.binding = Binding::Unopened(cookies),
            None => {}
        }
    }

    /// Takes in the session that the request's cookies name.
    ///
    /// Returns the stored session if changes have to be replayed on it. The caller replays them without the lock,
    /// because they may be closures.
    pub(crate) fn open(&mut self, opened: Opened) -> Option<Arc<Stored>> {
        if !opened.others.is_empty() {
            self.endings().others = opened.others;
        }
        if opened.is_outdated {
            self.cookie_due = CookieDue::Refresh;
        }
        if let Binding::Stored(stored) = &opened.binding {
            self.was_signed_in = stored.record.has_subject();
        }
        match opened.binding {
            Binding::Stored(stored) if !self.journal.is_empty() => return Some(stored),
            Binding::Stored(stored) => {
                self.payload = stored.record.payload();
                self.binding = Binding::Stored(stored);
            }
            binding => self.binding = binding,
        }
        None
    }

    /// Continues without the store, with an empty session.
    pub(crate) fn detach(&mut self, cookies: Cookies) {
        self.binding = Binding::Detached(cookies);
    }

    pub(crate) fn is_detached(&self) -> bool {
        matches!(self.binding, Binding::Detached(_))
    }

    pub(crate) fn stored(&self) -> Option<&Arc<Stored>> {
        match &self.binding {
            Binding::Stored(stored) | Binding::Superseded(stored) => Some(stored),
            _ => None,
        }
    }

    /// Closes the session: the response was sent, or the client disconnected, so no cookie can be sent.
    pub(crate) fn close(&mut self) {
        if matches!(self.phase, Phase::Running | Phase::Reopened) {
            self.phase = Phase::Closed;
        }
    }

    /// Opens the session for changes that `save` stores, after its response.
    pub(crate) fn reopen(&mut self) {
        if self.phase == Phase::Closed {
            self.phase = Phase::Reopened;
        }
        if mem::take(&mut self.is_status_past) {
            self.status = SessionStatus::Unchanged;
        }
    }

    /// The number of purges and restarts.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) const fn is_committed(&self) -> bool {
        self.is_committed
    }

    pub(crate) fn cookie_can_go(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether no change is to be stored, no session to be ended and no cookie to be sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.status == SessionStatus::Unchanged
            && !self.is_flushing
            && self.cookie_due == CookieDue::Nothing
            && !self.has_endings()
    }

    /// Commits a session that [is untouched](Self::is_untouched).
    pub(crate) fn commit_untouched(&mut self) {
        self.is_committed = true;
        self.close();
    }
}
