//! The traits of stores as trait objects, with their futures boxed.

use std::{num::NonZeroU32, time::Duration};

use crate::{
    clock::Timestamp,
    record::Record,
    storage::{
        BoxFuture, CreateOutcome, Cursor, EndOutcome, EndReporter, Freshness, IterableStore, Kept,
        Loaded, ManagedStore, Page, RevocationList, SessionId, SessionLimit, SessionStore,
        SignInOutcome, SignInWrite, StoreError, SubjectDigest, SubjectStore, UpdateOutcome,
        Version,
    },
};

/// Defines the object-safe form of a trait of stores. Every store with the trait implements this form.
macro_rules! boxed {
    (
        $Boxed:ident for $Store:ident;
        $(async fn $operation:ident($($argument:ident: $Type:ty),*) -> $Answer:ty;)*
        $(fn $method:ident(&self $(, $parameter:ident: $Parameter:ty)?) -> $Output:ty;)*
    ) => {
        pub(super) trait $Boxed: Send + Sync {
            $(fn $operation<'a>(
                &'a self,
                $($argument: $Type),*
            ) -> BoxFuture<'a, Result<$Answer, StoreError>>;)*

            $(fn $method(&self $(, $parameter: $Parameter)?) -> $Output;)*
        }

        impl<S: $Store> $Boxed for S {
            $(fn $operation<'a>(
                &'a self,
                $($argument: $Type),*
            ) -> BoxFuture<'a, Result<$Answer, StoreError>> {
                Box::pin($Store::$operation(self, $($argument),*))
            })*

            $(fn $method(&self $(, $parameter: $Parameter)?) -> $Output {
                $Store::$method(self $(, $parameter)?)
            })*
        }
    };
}

boxed! {
    BoxedStore for SessionStore;
    async fn load(id: &'a SessionId, subject: Option<&'a SubjectDigest>, freshness: Freshness) -> Option<Loaded>;
    async fn create(id: &'a SessionId, record: &'a Record, version: Version, ttl: Duration) -> CreateOutcome;
    async fn update(
        id: &'a SessionId,
        expected: Version,
        record: &'a Record,
        version: Version,
        ttl: Duration
    ) -> UpdateOutcome;
    async fn delete(id: &'a SessionId) -> ();
    fn keeps_nothing(&self) -> bool;
    fn revocations(&self) -> Option<&RevocationList>;
    fn opens_actix_session_key(&self, key: &str) -> bool;
    fn end_reporter(&self) -> Option<&EndReporter>;
}

boxed! {
    BoxedSubjectStore for SubjectStore;
    async fn sign_in(write: SignInWrite<'a>, limit: SessionLimit) -> SignInOutcome;
    async fn list(subject: &'a SubjectDigest) -> Vec<(SessionId, Loaded)>;
    async fn find_by_label(label: &'a str) -> Vec<SessionId>;
    async fn end_subject(subject: &'a SubjectDigest, now: Timestamp, kept: Option<Kept<'a>>) -> EndOutcome;
    async fn end_everything(now: Timestamp) -> Timestamp;
    async fn is_revoked(id: &'a SessionId, subject: Option<&'a SubjectDigest>, since: Timestamp) -> bool;
    fn has_subjects(&self) -> bool;
}

boxed! {
    BoxedIterableStore for IterableStore;
    async fn page(after: Option<&'a Cursor>, limit: NonZeroU32) -> Page;
    async fn count() -> u64;
    async fn clear() -> ();
}

boxed! {
    BoxedManagedStore for ManagedStore;
    async fn ping() -> ();
    async fn close() -> ();
}
