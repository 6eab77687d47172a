//! Writes whose outcome is unknown, and reloading a session, which may settle them.

use std::{mem, sync::Arc};

use smallvec::SmallVec;

use super::{Binding, CookieDue, Flushing, Machine, Phase, Stored, Target};
use crate::{
    error::SessionClosedError,
    record::{Epoch, Payload, Secret},
    session::{
        SessionStatus,
        journal::{Discarded, Journal},
    },
    storage::Version,
};

/// Writes whose outcome is unknown: the store failed, or the request was dropped before the store answered.
#[derive(Clone, Default)]
pub(crate) struct Unsettled {
    /// The version of each attempt, with the changes that it has and the attempt before it has not.
    pub(crate) attempts: SmallVec<[(Version, Journal); 1]>,
    /// The new secret and epoch, if the attempts renew the session.
    pub(crate) renewal: Option<Renewal>,
}

/// The secret and epoch that a renewal gives a session. A retry of the renewal uses the same.
#[derive(Clone, Copy)]
pub(crate) struct Renewal {
    pub(crate) secret: Secret,
    pub(crate) epoch: Epoch,
}

impl Unsettled {
    /// The changes of each attempt.
    pub(super) fn into_journals(self) -> impl Iterator<Item = Journal> {
        self.attempts.into_iter().map(|(_, changes)| changes)
    }

    /// The changes of all attempts.
    pub(crate) fn into_journal(self) -> (Journal, Discarded) {
        self.into_journal_after(None)
    }

    /// The changes of the attempts after the one that landed; of all attempts, if none did. The second value has the
    /// changes that have no effect any more.
    fn into_journal_after(self, landed: Option<usize>) -> (Journal, Discarded) {
        let settled = landed.map_or(0, |index| index + 1);
        let mut journal = Journal::default();
        let mut discarded = Discarded::default();
        for (index, changes) in self.into_journals().enumerate() {
            discarded.add(match index < settled {
                true => changes.into(),
                false => journal.append(changes),
            });
        }
        (journal, discarded)
    }

    /// The attempts without their changes, if they renew the session.
    pub(super) fn renewing(&self) -> Option<Self> {
        let renewal = Some(self.renewal?);
        let versions = self.attempts.iter().map(|(version, _)| *version);
        Some(Self {
            attempts: versions.map(|it| (it, Journal::default())).collect(),
            renewal,
        })
    }

    /// The renewal, if the session now has its `epoch`: one of the attempts landed.
    pub(crate) fn renewed_to(&self, epoch: Epoch) -> Option<Renewal> {
        self.renewal.filter(|renewal| renewal.epoch == epoch)
    }

    /// Takes the attempts if one of them landed, which is so if the session is stored at its `version`. The changes of
    /// later attempts are put in front of those in `journal`. `epoch` is that of the stored session.
    pub(crate) fn take_landed(
        unsettled: &mut Option<Box<Self>>,
        version: Version,
        epoch: Epoch,
        journal: &mut Journal,
    ) -> Option<Landed> {
        let mut attempts = unsettled.as_ref()?.attempts.iter();
        let index = attempts.position(|(tried, _)| *tried == version)?;
        let unsettled = unsettled.take()?;
        let renewal = unsettled.renewed_to(epoch);
        let (mut left, mut discarded) = unsettled.into_journal_after(Some(index));
        discarded.add(left.append(mem::take(journal)));
        *journal = left;
        Some(Landed { renewal, discarded })
    }
}

/// An attempt that landed.
pub(crate) struct Landed {
    /// The renewal, if the attempt or one before it renewed the session.
    pub(crate) renewal: Option<Renewal>,
    /// The changes that are stored.
    pub(crate) discarded: Discarded,
}

impl Renewal {
    /// A renewal that begins this epoch.
    pub(crate) fn to(epoch: Epoch) -> Self {
        Self {
            secret: Secret::generate(),
            epoch,
        }
    }
}

/// What a reload found out about earlier attempts.
#[derive(Clone, Copy)]
pub(crate) enum Settled {
    /// There are none, or each of them may still land.
    Nothing,
    /// One of them landed, with this renewal if it or one before it renewed the session.
    Landed(Option<Renewal>),
    /// Their outcome is not known. All changes that are not known to be stored were dropped.
    Unknown,
}

impl Machine {
    /// The stored session that the request has access to, if there is one.
    pub(crate) fn current(&self) -> Result<Option<Arc<Stored>>, SessionClosedError> {
        match &self.binding {
            Binding::Ended => Err(SessionClosedError::Ended),
            Binding::Superseded(_) => Err(SessionClosedError::Superseded),
            _ if self.status == SessionStatus::Purged && !self.is_status_of_commit => {
                Err(SessionClosedError::Purged)
            }
            Binding::Stored(stored) => Ok(Some(stored.clone())),
            _ => Ok(None),
        }
    }

    /// Marks the session as ended by another request, unless this request started another session.
    pub(crate) fn end(&mut self) {
        if self.stored().is_some() {
            self.binding = Binding::Ended;
            self.cookie_due = CookieDue::Nothing;
        }
    }

    /// Opens the session for changes that `save` stores, after its response.
    pub(crate) fn reopen(&mut self) {
        if self.phase == Phase::Closed {
            self.phase = Phase::Reopened;
        }
        if mem::take(&mut self.is_status_of_commit) {
            self.status = SessionStatus::Unchanged;
        }
    }

    pub(crate) fn supersede(&mut self) {
        self.binding = match mem::replace(&mut self.binding, Binding::New) {
            Binding::Stored(stored) => Binding::Superseded(stored),
            other => other,
        };
    }

    /// Drops the changes that are not known to be stored.
    pub(crate) fn discard(&mut self) -> Discarded {
        self.changes += 1;
        if self.flushing == Flushing::Yes {
            self.flushing = Flushing::Discarded;
        }
        let stored = self.stored();
        self.payload = stored.map_or_else(Payload::default, |it| it.record.payload());
        if self.status == SessionStatus::Changed && !self.is_stored_for_token() {
            self.status = SessionStatus::Unchanged;
        }
        let renewing = self.unsettled.as_deref().and_then(Unsettled::renewing);
        let discarded = self.take_unstored();
        self.unsettled = renewing.map(Box::new);
        discarded
    }

    pub(super) fn take_unstored(&mut self) -> Discarded {
        let unsettled = self.unsettled.take().map(|it| it.into_journals());
        let journals = unsettled.into_iter().flatten();
        Discarded::new(journals.chain([mem::take(&mut self.journal)]))
    }

    /// Whether an unsettled attempt of this request renewed the session to this epoch.
    pub(crate) fn has_renewed_to(&self, epoch: Epoch) -> bool {
        let unsettled = self.unsettled.as_ref();
        unsettled.is_some_and(|it| it.renewed_to(epoch).is_some())
    }

    /// Settles earlier attempts: the request loaded the session at version `seen`, and the stored one now
    /// has this `version` and `epoch`.
    pub(crate) fn settle(
        &mut self,
        seen: Version,
        version: Version,
        epoch: Epoch,
    ) -> (Settled, Discarded) {
        // If the version is the same, no attempt has landed, and each of them may still land.
        if self.unsettled.is_none() || version == seen {
            return (Settled::Nothing, Discarded::default());
        }
        self.changes += 1;
        let journal = &mut self.journal;
        let Some(landed) = Unsettled::take_landed(&mut self.unsettled, version, epoch, journal)
        else {
            if self.status == SessionStatus::Changed {
                self.status = SessionStatus::Unchanged;
            }
            return (Settled::Unknown, self.take_unstored());
        };
        if landed.renewal.is_some() {
            self.cookie_due = CookieDue::Issue;
        }
        self.status = match self.status {
            // The attempt that landed did not renew it.
            SessionStatus::Renewed if landed.renewal.is_none() => SessionStatus::Renewed,
            _ if self.journal.is_empty() => SessionStatus::Unchanged,
            _ => SessionStatus::Changed,
        };
        (Settled::Landed(landed.renewal), landed.discarded)
    }

    /// The changes to replay on a newer state, and the number of changes until now.
    pub(crate) fn changes_to_replay(&self) -> (Journal, u64) {
        let mut journal = Journal::default();
        if let Some(unsettled) = &self.unsettled {
            // Of copies, the closures are not dropped.
            (journal, _) = (**unsettled).clone().into_journal();
        }
        drop(journal.append(self.journal.clone()));
        (journal, self.changes)
    }

    /// Bases the session on `stored`. `replayed` is its payload with the changes.
    ///
    /// Returns `false`, and does nothing, if the session was changed since it had this number of `changes`.
    pub(crate) fn rebase(
        &mut self,
        stored: Arc<Stored>,
        generation: u32,
        replayed: Payload,
        changes: u64,
    ) -> bool {
        if self.generation == generation {
            if self.changes != changes {
                return false;
            }
            self.payload = replayed;
        }
        self.bind(stored, generation);
        true
    }

    /// Bases the session on `stored`, on which the changes could not be replayed. The next flush merges
    /// again, and reports the error.
    pub(crate) fn rebase_unmerged(&mut self, stored: &Stored, generation: u32) {
        self.bind(Arc::new(stored.unmerged()), generation);
    }

    fn bind(&mut self, stored: Arc<Stored>, generation: u32) {
        if self.generation == generation {
            self.binding = Binding::Stored(stored);
        } else {
            // The session was purged or restarted in the meantime.
            let ended = Target::Session(stored.id.clone());
            self.endings().due.push(ended);
        }
    }
}
