//! Changes of sessions that may be in either store.

use std::{error::Error, time::Duration};

use super::{MigratingStore, PLACEHOLDER_TTL, Slot, placeholder};
use crate::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, MARK_LIFETIME, SessionId, SessionStore, StoreError,
        StoreErrorKind, UpdateOutcome, Version,
    },
};

/// The maximum number of attempts of a change while other servers change or move the session.
const MAX_ATTEMPTS: u32 = 16;

/// The location of a session that was not found in the new store.
enum Found {
    /// In the old store. A move replaces the version `anchor` in the slot.
    Unmoved {
        anchor: Version,
        loaded: Loaded,
    },
    /// It has moved in between, or another move has begun.
    Moved,
    Missing,
}

/// A change of a session.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) id: &'a SessionId,
    pub(super) expected: Version,
    pub(super) record: &'a Record,
    pub(super) version: Version,
    pub(super) ttl: Duration,
}

impl Write<'_> {
    async fn send(&self, store: &impl SessionStore) -> Result<UpdateOutcome, StoreError> {
        self.send_on(store, self.expected).await
    }

    /// Replaces what is at the version `expected`.
    async fn send_on(
        &self,
        store: &impl SessionStore,
        expected: Version,
    ) -> Result<UpdateOutcome, StoreError> {
        let Self {
            id,
            record,
            version,
            ttl,
            ..
        } = *self;
        store.update(id, expected, record, version, ttl).await
    }
}

impl<Old: SessionStore, New: SessionStore> MigratingStore<Old, New> {
    /// Changes the session where it is, and moves it if that is the old store.
    pub(super) async fn update_and_move(
        &self,
        write: Write<'_>,
    ) -> Result<UpdateOutcome, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let slot = match write.send(&self.new).await? {
                UpdateOutcome::Missing => Slot::Empty,
                UpdateOutcome::Conflict => self.look_at_slot(write.id).await?,
                outcome => return Ok(outcome),
            };
            if matches!(slot, Slot::Session(_)) {
                return Ok(UpdateOutcome::Conflict);
            }
            let (anchor, found) = match self.find(write.id, slot).await? {
                Found::Unmoved { anchor, loaded } => (anchor, loaded.version),
                Found::Moved => continue,
                Found::Missing => return Ok(UpdateOutcome::Missing),
            };
            if found == write.version {
                return Ok(UpdateOutcome::Updated);
            }
            if found != write.expected {
                return Ok(UpdateOutcome::Conflict);
            }
            match write.send_on(&self.new, anchor).await? {
                UpdateOutcome::Updated => {
                    self.delete_copy(write.id).await;
                    return Ok(UpdateOutcome::Updated);
                }
                // Another server changed the slot first, or the placeholder has expired.
                UpdateOutcome::Conflict | UpdateOutcome::Missing => {}
                refused => return Ok(refused),
            }
        }
        Err(contended())
    }

    /// Changes the session where it is.
    pub(super) async fn update_in_place(
        &self,
        write: Write<'_>,
    ) -> Result<UpdateOutcome, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            match write.send(&self.new).await? {
                UpdateOutcome::Missing => {}
                UpdateOutcome::Conflict => {
                    if let Slot::Session(_) = self.look_at_slot(write.id).await? {
                        return Ok(UpdateOutcome::Conflict);
                    }
                }
                outcome => return Ok(outcome),
            }
            match write.send(&self.old).await? {
                UpdateOutcome::Updated => return self.settle(write).await,
                UpdateOutcome::Missing => {
                    if let Found::Missing = self.moved_or_missing(write.id).await? {
                        return Ok(UpdateOutcome::Missing);
                    }
                }
                outcome => return Ok(outcome),
            }
        }
        Err(contended())
    }

    /// Makes each move fail that read the old store before this write, so that the write is not lost.
    async fn settle(&self, write: Write<'_>) -> Result<UpdateOutcome, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let anchor = match self.slot(write.id).await.map_err(StoreError::unknown)? {
                Slot::Empty => return Ok(UpdateOutcome::Updated),
                Slot::Session(moved) if moved.version == write.version => {
                    return Ok(UpdateOutcome::Updated);
                }
                Slot::Session(_) => break,
                Slot::Placeholder(anchor) => anchor,
            };
            let (another, version) = (placeholder(), Version::generate());
            let replacing = (self.new).update(write.id, anchor, &another, version, PLACEHOLDER_TTL);
            // Otherwise, a move or another server has replaced the placeholder.
            if replacing.await.map_err(StoreError::unknown)? == UpdateOutcome::Updated {
                return Ok(UpdateOutcome::Updated);
            }
        }
        let cause = "another server moved the session, perhaps without this change";
        Err(StoreError::new(StoreErrorKind::Unknown, cause))
    }

    /// Finds a session that is not in `slot`. The old store is read while a placeholder is in the slot.
    async fn find(&self, id: &SessionId, slot: Slot) -> Result<Found, StoreError> {
        let anchor = match slot {
            Slot::Session(_) => return Ok(Found::Moved),
            Slot::Placeholder(anchor) => anchor,
            // A session that is in neither store gets no placeholder.
            Slot::Empty if self.load_old(id).await?.is_none() => {
                return self.moved_or_missing(id).await;
            }
            Slot::Empty => {
                let (placeholder, anchor) = (placeholder(), Version::generate());
                let creating = self.new.create(id, &placeholder, anchor, PLACEHOLDER_TTL);
                // The placeholder may be there, but the session did not change.
                let created = creating.await.map_err(StoreError::not_sent)?;
                if created != CreateOutcome::Created {
                    return Ok(Found::Moved);
                }
                anchor
            }
        };
        match self.load_old(id).await? {
            Some(loaded) => Ok(Found::Unmoved { anchor, loaded }),
            None => self.moved_or_missing(id).await,
        }
    }

    /// The location of a session that is not in the old store.
    async fn moved_or_missing(&self, id: &SessionId) -> Result<Found, StoreError> {
        Ok(match self.look_at_slot(id).await? {
            Slot::Session(_) => Found::Moved,
            Slot::Empty | Slot::Placeholder(_) => Found::Missing,
        })
    }

    /// Reads the slot for a change. If this fails, the change was not executed.
    async fn look_at_slot(&self, id: &SessionId) -> Result<Slot, StoreError> {
        self.slot(id).await.map_err(StoreError::not_sent)
    }

    /// Loads the session from the old store for a change. If this fails, the change was not executed.
    async fn load_old(&self, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
        let loaded = self.old.load(id, None, Freshness::Current).await;
        loaded.map_err(StoreError::not_sent)
    }

    /// Moves a session as it is, unless it has moved or its end is unknown. Deletes the copy of a moved one in the old store.
    pub(super) async fn move_unchanged(
        &self,
        id: &SessionId,
        is_undated: bool,
    ) -> Result<(), StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let slot = self.slot(id).await?;
            if matches!(slot, Slot::Session(_)) {
                return self.old.delete(id).await;
            }
            if is_undated {
                return Ok(());
            }
            let (anchor, Loaded { record, version }) = match self.find(id, slot).await? {
                Found::Unmoved { anchor, loaded } => (anchor, loaded),
                Found::Moved => continue,
                Found::Missing => return Ok(()),
            };
            let write = Write {
                id,
                expected: version,
                ttl: self.ttl_of(&record),
                record: &record,
                version,
            };
            match write.send_on(&self.new, anchor).await? {
                UpdateOutcome::Conflict | UpdateOutcome::Missing => {}
                // If it was refused, a mark in the new store has ended it.
                UpdateOutcome::Updated | UpdateOutcome::Refused(_) => {
                    return self.old.delete(id).await;
                }
            }
        }
        Err(contended())
    }

    /// The time to live that the engine gives a record: until its end, and one minute of slack. A record without an end lives
    /// as long as a session can.
    fn ttl_of(&self, record: &Record) -> Duration {
        const SLACK: Duration = Duration::from_secs(60);
        let left = record.ends_at.saturating_duration_since(self.clock.now());
        left.min(MARK_LIFETIME).saturating_add(SLACK)
    }

    /// Deletes the copy of a session that has moved. It is never served while the session lives.
    async fn delete_copy(&self, id: &SessionId) {
        if let Err(error) = self.old.delete(id).await {
            let error: &(dyn Error + 'static) = &error;
            tracing::warn!(
                error,
                "a session was moved, but its copy in the old store could not be deleted"
            );
        }
    }
}

/// The error if other servers changed the session before each attempt. Nothing was stored.
fn contended() -> StoreError {
    let cause = "other servers kept changing and moving the session";
    StoreError::new(StoreErrorKind::Unavailable, cause).not_sent()
}
