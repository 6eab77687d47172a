//! Sessions that are in cookies: opening them, and ending them by the store's [`RevocationList`](crate::storage::RevocationList).
//!
//! An ended session is an entry: a record under its id, in a store with `SubjectStore`, whose marks count as well. The list
//! is asked where other stores load and update: a session that is on it is *missing*. It stays on the list until no cookie of
//! it can be valid. The entry of a session that a renewal replaced names the new one, as [`renew`](super::renew) does, so
//! that for the grace period the old cookie is stale. Only one of two renewals can create the entry.

use std::{sync::Arc, time::Duration};

use super::{EndCause, Engine, EventKind, Opened, action::Performed, lifetime::SLACK};
use crate::{
    clock::Timestamp,
    cookie::{Content, Unsealed},
    error::{CommitError, OpenError},
    record::{Epoch, Record, id::SessionId},
    session::{
        CookieDue, Flush,
        machine::{Binding, Stored},
    },
    storage::{Freshness, Refusal, SessionStore, StoreError, StoreErrorKind},
    telemetry::{self, NotFoundReason, Operation},
};

/// What the entry of a replaced session says.
enum Replacement {
    /// By this request: an earlier attempt was stored.
    Own(SessionId),
    /// By another request.
    Other,
}

impl<S: SessionStore> Engine<S> {
    /// Whether sessions can be ended on the server.
    pub(super) fn can_end_sessions(&self) -> bool {
        !self.is_stateless || self.store.revocations().is_some()
    }

    /// Whether the session in a cookie is missing, so that nothing can be stored in it: it is on the list, or a store would
    /// have removed it.
    pub(super) async fn is_missing(&self, stored: &Stored) -> Result<bool, StoreError> {
        match self.lifetime.is_removable(&stored.record, self.clock.now()) {
            true => Ok(true),
            false => self.is_revoked(stored, Freshness::Current).await,
        }
    }

    /// Whether the session in a cookie is on the list. Without a list, none is.
    pub(super) async fn is_revoked(
        &self,
        stored: &Stored,
        freshness: Freshness,
    ) -> Result<bool, StoreError> {
        let Some(list) = self.store.revocations() else {
            return Ok(false);
        };
        let asking = list.is_revoked(&stored.id, &stored.record, freshness, self.clock.now());
        let asking = self.store.observe(Operation::IsRevoked, asking);
        // Nothing was written.
        Box::pin(asking).await.map_err(StoreError::not_sent)
    }

    /// The session of the record that was written last, of those in `cookies`.
    pub(super) fn find_sealed(&self, cookies: &[Unsealed], presented_at: Timestamp) -> Opened {
        let records = cookies.iter().filter_map(|it| match &it.content {
            Content::Record(stored) => Some((stored, it.is_outdated)),
            Content::Key(_) => None,
        });
        // An undated record counts as written now, although it is older than any record of this crate. Of equal ones,
        // `rev` and `max_by_key` select the first, which was issued last.
        let latest = records
            .rev()
            .max_by_key(|(it, _)| (!it.record.undated, it.record.used_at));
        let Some((stored, is_outdated)) = latest else {
            return Opened::default();
        };
        if self.lifetime.has_ended(&stored.record, presented_at) {
            return self.expired(&stored.id, &stored.record);
        }
        Opened {
            binding: Binding::Stored(Arc::clone(stored)),
            is_outdated,
            others: Vec::new(),
        }
    }

    /// What a cookie opens that has this session. If the session has ended, that is nothing, or, for the grace period after
    /// a renewal, a stale session.
    pub(super) async fn unless_revoked(&self, opened: Opened) -> Result<Opened, OpenError> {
        match &opened.binding {
            Binding::Stored(stored) if self.is_revoked(stored, Freshness::Cached).await? => {
                telemetry::session_not_found(NotFoundReason::Revoked);
                Ok(self.find_replacement(stored).await?)
            }
            _ => Ok(opened),
        }
    }

    async fn find_replacement(&self, stored: &Stored) -> Result<Opened, StoreError> {
        let Some(entry) = self.entry(&stored.id).await? else {
            self.report_of(EventKind::Ended(EndCause::Mark), stored);
            return Ok(Opened::default());
        };
        let Some(id) = entry.moved_to() else {
            return Ok(Opened::default());
        };
        self.report_of(EventKind::OldKey, stored);
        if !entry.is_moved_at(self.clock.now()) {
            return Ok(Opened::default());
        }
        Ok(Opened {
            binding: Binding::Stale {
                id,
                epoch: Some(stored.record.epoch),
            },
            ..Opened::default()
        })
    }

    /// Ends the session that has this id, also if it was renewed meanwhile. Without a list, only its cookie is removed.
    pub(super) async fn revoke(&self, id: &SessionId) -> Result<(), StoreError> {
        if let Some(list) = self.store.revocations() {
            let ending = list.end(id, self.clock.now(), self.entry_ttl());
            self.store.observe(Operation::Create, ending).await?;
        }
        Ok(())
    }

    /// Continues the session in a cookie under a new id, and ends the old one.
    pub(super) async fn renew_sealed(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
    ) -> Result<Performed, CommitError> {
        if self.lifetime.is_removable(&stored.record, self.clock.now()) {
            return self.ended(flush).await;
        }
        let epoch = flush.next_epoch();
        let mut renewed = Stored {
            id: SessionId::generate(),
            record: self.next_record(&stored, flush.work().payload.clone(), None, true),
            ..(*stored).clone()
        };
        renewed.record.epoch = epoch;
        let mut renewed = Arc::new(renewed);
        // The new id is on no list, but a mark may have ended the sign-in.
        if self.is_revoked(&renewed, Freshness::Current).await? {
            return Self::refused(flush, Refusal::SubjectEnded);
        }
        if !self.replace(&stored.id, &renewed).await? {
            match self.replacement(&stored.id, epoch).await? {
                Some(Replacement::Own(id)) => Arc::make_mut(&mut renewed).id = id,
                Some(Replacement::Other) => return self.create_replacement(flush, &stored).await,
                None => return self.ended(flush).await,
            }
        }
        Ok(Performed::Stored(renewed, CookieDue::Issue))
    }

    /// Ends the session `old`, which `new` replaces. Returns whether it had not ended before. Fails before that if the
    /// cookie of `new` would be too large.
    async fn replace(&self, old: &SessionId, new: &Arc<Stored>) -> Result<bool, CommitError> {
        let Some(list) = self.store.revocations() else {
            return Ok(true);
        };
        self.issue(new)?;
        let now = self.clock.now();
        let mut entry = Record::revocation(now);
        entry.epoch = new.record.epoch;
        entry.ends_at = now.saturating_add(self.secrets.grace);
        entry.move_to(&new.id);
        let ending = list.add(old, &entry, self.entry_ttl());
        Ok(self.store.observe(Operation::Create, ending).await?)
    }

    /// What replaced an ended session, if a renewal did; `epoch` is the one of this request.
    async fn replacement(
        &self,
        old: &SessionId,
        epoch: Epoch,
    ) -> Result<Option<Replacement>, StoreError> {
        let entry = self.entry(old).await?;
        Ok(entry.and_then(|entry| {
            let id = entry.moved_to()?;
            Some(match entry.epoch == epoch {
                true => Replacement::Own(id),
                false => Replacement::Other,
            })
        }))
    }

    /// The entry of an ended session. One that can't be decoded names no other session.
    async fn entry(&self, id: &SessionId) -> Result<Option<Record>, StoreError> {
        let Some(list) = self.store.revocations() else {
            return Ok(None);
        };
        let loading = self.store.observe(Operation::Load, list.entry(id));
        match loading.await {
            Err(error)
                if matches!(
                    error.kind(),
                    StoreErrorKind::Corrupt | StoreErrorKind::Newer
                ) =>
            {
                Ok(None)
            }
            entry => Ok(entry?.map(|loaded| loaded.record)),
        }
    }

    /// How long any cookie can be valid that was sent until now.
    fn entry_ttl(&self) -> Duration {
        self.lifetime.longest().saturating_add(SLACK)
    }
}
