//! The sessions of a subject in a store whose type is not known.

use super::{AnySessionStore, boxed::BoxedSubjectStore, unsupported};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Kept, Loaded, SessionId, SessionLimit, SignInOutcome, SignInWrite, StoreError,
        SubjectDigest, SubjectStore,
    },
};

impl AnySessionStore {
    fn subjects(&self) -> Result<&dyn BoxedSubjectStore, StoreError> {
        let subjects = self.subjects.as_deref();
        subjects.ok_or_else(|| unsupported("this store can't find the sessions of a user"))
    }
}

/// Each operation is an error of kind [`Unsupported`](crate::storage::StoreErrorKind::Unsupported)
/// if the wrapped store can't find the sessions of a user: see
/// [`has_subjects`](SubjectStore::has_subjects).
impl SubjectStore for AnySessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        self.subjects()?.sign_in(write, limit).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        self.subjects()?.list(subject).await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.subjects()?.find_by_label(label).await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        match (&self.subjects, self.store.revocations(), kept) {
            (None, Some(list), None) => list.end_subject(subject, now).await,
            _ => self.subjects()?.end_subject(subject, now, kept).await,
        }
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        match (&self.subjects, self.store.revocations()) {
            (None, Some(list)) => list.end_everything(now).await,
            _ => self.subjects()?.end_everything(now).await,
        }
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.subjects()?.is_revoked(id, subject, since).await
    }

    fn has_subjects(&self) -> bool {
        self.subjects.as_ref().is_some_and(|it| it.has_subjects())
    }
}

#[cfg(test)]
mod tests {
    use crate::storage::{
        AnySessionStore, MemorySessionStore, StoreErrorKind, SubjectDigest, SubjectStore as _,
    };

    #[tokio::test]
    async fn a_store_has_subjects_if_the_store_behind_it_does() {
        let memory = MemorySessionStore::default();
        let with = AnySessionStore::with_subjects(memory.clone());
        let ferris = SubjectDigest::of("ferris");
        assert!(with.has_subjects());
        assert_eq!(with.list(&ferris).await.unwrap(), []);

        let without = AnySessionStore::new(memory);
        assert!(!without.has_subjects());
        let error = without.list(&ferris).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unsupported);
        assert!(!error.may_have_happened());
        assert!(!AnySessionStore::with_subjects(without).has_subjects());
    }
}
