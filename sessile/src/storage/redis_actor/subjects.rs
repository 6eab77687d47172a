//! The sessions of each user, through an actor.

use super::RedisActorSessionStore;
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Kept, Loaded, SessionId, SessionLimit, SignInOutcome, SignInWrite, StoreError,
        SubjectDigest, SubjectStore,
    },
};

impl SubjectStore for RedisActorSessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        let (id, record) = (write.id.clone(), write.record.clone());
        let (expected, version, ttl) = (write.expected, write.version, write.ttl);
        self.ask(move |store| async move {
            let write = SignInWrite {
                id: &id,
                expected,
                record: &record,
                version,
                ttl,
            };
            store.sign_in(write, limit).await
        })
        .await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let subject = *subject;
        self.ask(move |store| async move { store.list(&subject).await })
            .await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        let label = label.to_owned();
        self.ask(move |store| async move { store.find_by_label(&label).await })
            .await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let subject = *subject;
        let kept = kept.map(|kept| (kept.id.clone(), kept.signed_in_at));
        self.ask(move |store| async move {
            let kept = kept.as_ref().map(|(id, signed_in_at)| Kept {
                id,
                signed_in_at: *signed_in_at,
            });
            store.end_subject(&subject, now, kept).await
        })
        .await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, subject) = (id.clone(), subject.copied());
        self.ask(move |store| async move { store.is_revoked(&id, subject.as_ref(), since).await })
            .await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        // The actor bounds the time of an operation, so this is one for each `SCAN`.
        let mark = |at| self.ask(move |store| async move { store.mark_everything(at).await });
        let at = mark(now).await?;
        let (mut newest, mut position) = (None, None);
        loop {
            let ending = self.ask(move |store| async move { store.end_some(position).await });
            let (newest_of_some, next) = ending.await?;
            (newest, position) = (newest.max(newest_of_some), next);
            if position.is_none() {
                break;
            }
        }
        // The clock of another server may be ahead.
        match newest.filter(|newest| at < *newest) {
            Some(newest) => mark(newest).await,
            None => Ok(at),
        }
    }
}
