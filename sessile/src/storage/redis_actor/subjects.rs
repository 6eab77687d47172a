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
        self.store().await?.end_everything(now).await
    }
}
