//! The sessions of each user, over the connection of this thread's actor.

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
        self.store().await?.sign_in(write, limit).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        self.store().await?.list(subject).await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.store().await?.find_by_label(label).await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        self.store().await?.end_subject(subject, now, kept).await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store().await?.is_revoked(id, subject, since).await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.store().await?.end_everything(now).await
    }
}
