//! The sessions of a subject in a store whose type is not known.

use super::{AnySessionStore, unsupported};
use crate::{
    clock::Timestamp,
    storage::{
        BoxFuture, EndOutcome, Kept, Loaded, SessionId, SessionLimit, SignInOutcome, SignInWrite,
        StoreError, SubjectDigest, SubjectStore,
    },
};

/// [`SubjectStore`] as a trait object.
pub(super) trait DynSubjectStore: Send + Sync {
    fn sign_in<'a>(
        &'a self,
        write: SignInWrite<'a>,
        limit: SessionLimit,
    ) -> BoxFuture<'a, Result<SignInOutcome, StoreError>>;

    fn list<'a>(
        &'a self,
        subject: &'a SubjectDigest,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Loaded)>, StoreError>>;

    fn find_by_label<'a>(
        &'a self,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Vec<SessionId>, StoreError>>;

    fn end_subject<'a>(
        &'a self,
        subject: &'a SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'a>>,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>>;

    fn end_everything(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, StoreError>>;

    fn is_revoked<'a>(
        &'a self,
        id: &'a SessionId,
        subject: Option<&'a SubjectDigest>,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    fn has_subjects(&self) -> bool;
}

impl<S: SubjectStore> DynSubjectStore for S {
    fn sign_in<'a>(
        &'a self,
        write: SignInWrite<'a>,
        limit: SessionLimit,
    ) -> BoxFuture<'a, Result<SignInOutcome, StoreError>> {
        Box::pin(SubjectStore::sign_in(self, write, limit))
    }

    fn list<'a>(
        &'a self,
        subject: &'a SubjectDigest,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Loaded)>, StoreError>> {
        Box::pin(SubjectStore::list(self, subject))
    }

    fn find_by_label<'a>(
        &'a self,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Vec<SessionId>, StoreError>> {
        Box::pin(SubjectStore::find_by_label(self, label))
    }

    fn end_subject<'a>(
        &'a self,
        subject: &'a SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'a>>,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>> {
        Box::pin(SubjectStore::end_subject(self, subject, now, kept))
    }

    fn end_everything(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        Box::pin(SubjectStore::end_everything(self, now))
    }

    fn is_revoked<'a>(
        &'a self,
        id: &'a SessionId,
        subject: Option<&'a SubjectDigest>,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(SubjectStore::is_revoked(self, id, subject, since))
    }

    fn has_subjects(&self) -> bool {
        SubjectStore::has_subjects(self)
    }
}

impl AnySessionStore {
    fn subjects(&self) -> Result<&dyn DynSubjectStore, StoreError> {
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
