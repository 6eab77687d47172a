//! Loading the current record, and replaying the changes on it: for a reload, for a retry after an unknown outcome, and for
//! sessions of actix-session. After other conflicts, [`combine`](super::combine) does so. `session/journal/merge.rs` has
//! the rules by which changes merge.

use std::sync::Arc;

use super::{Engine, action::Performed};
use crate::{
    clock,
    error::{CommitError, MergeError, OpenError, SessionClosedError, SessionReloadError},
    record::Payload,
    session::{
        CookieDue, Flush, RebaseError, Session,
        machine::{Renewal, Settled, Stored, Unsettled},
    },
    storage::{Freshness, Loaded, SessionStore, StoreError},
};

/// The result of a merge.
pub(super) enum Merged {
    /// The newest stored session. The work is based on it, with the changes.
    Onto(Arc<Stored>),
    /// An earlier attempt landed, and no changes are left to store.
    Landed(Arc<Stored>),
    /// Another request renewed the session.
    Superseded,
    /// Another request ended the session.
    Ended,
}

impl<S: SessionStore> Engine<S> {
    /// Stores the changes together with those of other requests. Unsettled changes are merged first, which tells whether
    /// an earlier attempt was stored.
    pub(super) async fn store_after_conflict(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
        mut renewal: Option<Renewal>,
    ) -> Result<Performed, CommitError> {
        if flush.work().unsettled.is_none() {
            return self.combine(flush, stored, renewal).await;
        }
        match self.merge(flush, &stored, &mut renewal).await? {
            Merged::Onto(newest) => self.combine(flush, newest, renewal).await,
            Merged::Landed(landed) => {
                let extends = flush.work().extends_life;
                let cookie = self.cookie_of_change(&stored.record, &landed, None, extends);
                Ok(Performed::Stored(landed, cookie))
            }
            Merged::Superseded if renewal.is_some() => {
                self.create_replacement(flush, &stored).await
            }
            Merged::Superseded => Self::superseded(flush),
            Merged::Ended => self.ended(flush).await,
        }
    }

    /// Loads the newest stored session and applies the changes to it.
    ///
    /// Clears `renewal` if an earlier attempt renewed the session.
    pub(super) async fn merge(
        &self,
        flush: &mut Flush<'_>,
        stored: &Stored,
        renewal: &mut Option<Renewal>,
    ) -> Result<Merged, CommitError> {
        let Some(current) = self.load_current(stored).await? else {
            return Ok(Merged::Ended);
        };
        let mut newest = newer(stored, current);
        let work = flush.work_mut();
        let (unsettled, journal) = (&mut work.unsettled, &mut work.journal);
        let (version, epoch) = (newest.version, newest.record.epoch);
        if let Some(landed) = Unsettled::take_landed(unsettled, version, epoch, journal) {
            if let Some(renewed) = landed.renewal {
                newest.secret = Some(renewed.secret);
                *renewal = None;
                work.cookie_due = CookieDue::Issue;
            }
            if work.journal.is_empty() && renewal.is_none() {
                return Ok(Merged::Landed(Arc::new(newest)));
            }
            // If replaying fails, the session still knows what landed.
            work.rebase_unmerged(&newest);
            return self.merged_onto(flush, Arc::new(newest));
        }
        // Also if the expected version is back: the store has lost the update that conflicted, and an attempt may still land.
        if work.unsettled.is_some() {
            return Err(CommitError::Unknown);
        }
        if newest.record.epoch != stored.record.epoch {
            return Ok(Merged::Superseded);
        }
        self.merged_onto(flush, Arc::new(newest))
    }

    fn merged_onto(
        &self,
        flush: &mut Flush<'_>,
        newest: Arc<Stored>,
    ) -> Result<Merged, CommitError> {
        let payload = newest.record.payload();
        let payload = self.replayed(&payload, |payload| flush.work().replay(payload))?;
        flush.work_mut().rebase(Arc::clone(&newest), payload);
        Ok(Merged::Onto(newest))
    }

    /// `payload` with the changes that `replay` makes, unless its state outgrows its bound.
    pub(super) fn replayed(
        &self,
        payload: &Payload,
        replay: impl FnOnce(&mut Payload) -> Result<(), MergeError>,
    ) -> Result<Payload, CommitError> {
        let mut replayed = payload.clone();
        replay(&mut replayed)?;
        replayed.check_growth(payload, self.settings.max_state_bytes)?;
        Ok(replayed)
    }

    /// Loads the newest stored session, and replays the unstored changes on it.
    pub(super) async fn reload(&self, session: &Session) -> Result<(), SessionReloadError> {
        clock::within(self.settings.store_timeout, async {
            session.open().await?;
            let _guard = session.lock_flush().await;
            let (stored, generation) = {
                let machine = session.machine();
                (machine.current()?, machine.generation)
            };
            let stored = stored.ok_or(SessionReloadError::NotStored)?;
            if self.is_stateless {
                if self.is_missing(&stored).await.map_err(OpenError::from)? {
                    session.machine().end();
                    return Err(SessionClosedError::Ended.into());
                }
                // The request brought the newest state in its cookie.
                session.machine().reopen();
                return Ok(());
            }
            let loaded = self.load_current(&stored).await.map_err(OpenError::from)?;
            let Some(current) = loaded else {
                session.machine().end();
                return Err(SessionClosedError::Ended.into());
            };
            if current.record.epoch != stored.record.epoch
                && !session.machine().has_renewed_to(current.record.epoch)
            {
                session.machine().supersede();
                return Err(SessionClosedError::Superseded.into());
            }
            self.rebase_on_newest(session, &stored, generation, current)
        })
        .await
        .unwrap_or_else(|after| Err(OpenError::Timeout { after }.into()))
    }

    fn rebase_on_newest(
        &self,
        session: &Session,
        stored: &Stored,
        generation: u32,
        current: Loaded,
    ) -> Result<(), SessionReloadError> {
        let mut newest = newer(stored, current);
        // Changes that landed must not be applied a second time.
        let epoch = newest.record.epoch;
        let (settled, discarded) =
            (session.machine()).settle(stored.version, newest.version, epoch);
        drop(discarded);
        if let Settled::Landed(Some(renewal)) = settled {
            newest.secret = Some(renewal.secret);
        }
        let newest = Arc::new(newest);
        if let Err(error) = session.rebase(&newest, generation) {
            if matches!(settled, Settled::Landed(_)) {
                session.machine().rebase_unmerged(&newest, generation);
            }
            return Err(match error {
                RebaseError::Merge(error) => SessionReloadError::Merge(error),
                RebaseError::KeepsChanging => SessionReloadError::KeepsChanging,
            });
        }
        session.machine().reopen();
        match settled {
            Settled::Unknown => Err(SessionReloadError::Unknown),
            Settled::Nothing | Settled::Landed(_) => Ok(()),
        }
    }

    /// The current record and version of this session.
    pub(super) async fn load_current(&self, stored: &Stored) -> Result<Option<Loaded>, StoreError> {
        let hint = stored.record.subject();
        let loading = self
            .store
            .load(&stored.id, hint.as_ref(), Freshness::Current);
        loading.await
    }
}

/// `stored` with the current version and record. Times never move backwards, even if a server with another clock
/// wrote the record.
pub(super) fn newer(stored: &Stored, current: Loaded) -> Stored {
    let mut record = current.record;
    record.merge_times(&stored.record);
    Stored {
        version: current.version,
        record,
        ..stored.clone()
    }
}
