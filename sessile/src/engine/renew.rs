//! Renewing a session: it gets another secret and another epoch.
//!
//! A session that actix-session made moves to another id, because its id is its secret. The record that takes the place
//! of the old one stays for the grace period, and nothing opens it. Its epoch tells other requests that the session was
//! renewed and has not ended, and it names the new session, which the old key can still end.
//!
//! If two requests renew at once, the update of one conflicts. [`combine`](super::combine), or [`reload`](super::reload)
//! after an unknown outcome, finds another epoch. Then `create_replacement` begins a new session or refuses the
//! renewal.

use std::sync::Arc;

use super::{Engine, action::Performed, reload::Merged};
use crate::{
    error::CommitError,
    record::{Record, Secret, Secrets, id::SessionKey},
    session::{
        CookieDue, Flush,
        machine::{Renewal, Stored},
    },
    storage::{CreateOutcome, SessionStore, UpdateOutcome, Version},
    telemetry,
};

/// The maximum number of attempts to end the old session while other requests keep changing it.
const MAX_ATTEMPTS: u32 = 100;

/// What became of the session under the old key.
enum Moved {
    /// It has ended, and the new one has all of its changes.
    Done,
    /// Another request had moved it.
    Superseded(Arc<Stored>),
    /// Another request had ended it.
    Ended,
}

impl<S: SessionStore> Engine<S> {
    /// Stores the session with another secret, and the changes.
    pub(super) async fn renew(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
    ) -> Result<Performed, CommitError> {
        if self.is_stateless {
            return self.renew_sealed(flush, stored).await;
        }
        if stored.secret.is_none() {
            // Boxed, since it is rare.
            return Box::pin(self.move_from_actix_session(flush, stored)).await;
        }
        // An earlier attempt may have landed, so the retry uses the same secret.
        let earlier = flush.work().unsettled.as_ref().and_then(|it| it.renewal);
        let renewal = earlier.unwrap_or_else(|| Renewal::to(flush.next_epoch()));
        self.store_changes(flush, stored, Some(renewal)).await
    }

    /// Creates the session under a new id, and then ends the one under the old key by compare-and-swap. On a
    /// conflict it merges the changes of the other request into the new session first.
    async fn move_from_actix_session(
        &self,
        flush: &mut Flush<'_>,
        old: Arc<Stored>,
    ) -> Result<Performed, CommitError> {
        let SessionKey { id, secret, .. } = SessionKey::generate();
        let mut new = Stored {
            id,
            secret,
            version: Version::generate(),
            record: self.next_record(&old, flush.work().payload.clone(), None, true),
            presented_at: old.presented_at,
        };
        new.record.epoch = flush.next_epoch();
        new.record.secrets = secret.map(|secret| Secrets::new(secret.digest()));
        let now = self.clock.now();
        match self.store_new(flush, &mut new, now).await? {
            CreateOutcome::Created | CreateOutcome::CreatedAs(_) => {}
            CreateOutcome::Taken => return Err(CommitError::Contention { attempts: 1 }),
            CreateOutcome::Refused(refusal) => return Self::refused(flush, refusal),
        }
        // If this future is dropped before the old session has ended, the new one is not needed.
        flush.work_mut().abandoned.push(new.id.clone());
        let moved = self.end_moved(flush, old, &mut new).await?;
        flush.work_mut().abandoned.retain(|it| *it != new.id);
        match moved {
            Moved::Done => Ok(Performed::Stored(Arc::new(new), CookieDue::Issue)),
            Moved::Superseded(old) => {
                self.delete_unneeded(&new.id).await;
                self.create_replacement(flush, &old).await
            }
            Moved::Ended => {
                self.delete_unneeded(&new.id).await;
                self.ended(flush).await
            }
        }
    }

    /// Ends the old session once the new one has all of its changes.
    async fn end_moved(
        &self,
        flush: &mut Flush<'_>,
        mut old: Arc<Stored>,
        new: &mut Stored,
    ) -> Result<Moved, CommitError> {
        let now = self.clock.now();
        let mut moved = Record::new(now);
        moved.epoch = new.record.epoch;
        moved.secrets = Some(Secrets::new(Secret::generate().digest()));
        moved.ends_at = now.saturating_add(self.secrets.grace);
        moved.move_to(&new.id);
        for _ in 0..MAX_ATTEMPTS {
            let version = Version::generate();
            let ending =
                self.store
                    .update(&old.id, old.version, &moved, version, self.secrets.grace);
            match ending.await? {
                UpdateOutcome::Updated => return Ok(Moved::Done),
                UpdateOutcome::Missing | UpdateOutcome::Refused(_) => return Ok(Moved::Ended),
                UpdateOutcome::Conflict => telemetry::conflict(),
            }
            // A merge does not apply changes a second time that an earlier attempt stored.
            old = match self.merge(flush, &old, &mut None).await? {
                Merged::Onto(newest) => {
                    new.record.set_payload(flush.work().payload.clone());
                    newest
                }
                Merged::Landed(newest) => {
                    new.record.set_payload(newest.record.payload());
                    newest
                }
                Merged::Superseded => return Ok(Moved::Superseded(old)),
                Merged::Ended => return Ok(Moved::Ended),
            };
            new.record.merge_times(&old.record);
            let version = Version::generate();
            match self.update_stored(new, &new.record, version).await? {
                UpdateOutcome::Updated => new.version = version,
                // No other request knows the new id, so its store has lost it.
                _ => return Err(CommitError::Unknown),
            }
        }
        Err(CommitError::Contention {
            attempts: MAX_ATTEMPTS,
        })
    }
}
