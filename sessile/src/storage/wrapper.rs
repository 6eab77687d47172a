//! [`StoreWrapper`]: stores that run code around the operations of another store.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    CreateOutcome, Cursor, EndOutcome, EndReporter, Freshness, IterableStore, Kept, Loaded,
    ManagedStore, Page, RevocationList, SessionId, SessionLimit, SessionStore, SignInOutcome,
    SignInWrite, StoreError, SubjectDigest, SubjectStore, UpdateOutcome, Version,
};
use crate::{
    clock::Timestamp,
    record::Record,
    telemetry::{Operation, Outcome},
};

/// A store that runs code around each operation of another store: to measure it, to trace it, or to make it fail in a
/// test.
///
/// The wrapper is a [`SessionStore`], and has the traits [`SubjectStore`], [`IterableStore`] and [`ManagedStore`] if the inner
/// store has them. It forwards all provided methods, so ended sessions stay ended if the inner store has a
/// [`RevocationList`]. To end sessions in cookies, use the `CookieSessionStore` itself: its wrapper can't.
///
/// It adds no allocation to an operation.
///
#[doc = include_str!("docs/store_wrapper.md")]
pub trait StoreWrapper: Send + Sync + 'static {
    /// The type of the inner store.
    type Inner: SessionStore;

    /// The inner store.
    fn inner(&self) -> &Self::Inner;

    /// Runs `future`, which is an operation of the inner store, and returns its answer. [`ManagedStore::close`] does not
    /// call this.
    ///
    /// # Errors
    ///
    /// Those of the inner store, and those of the wrapper. After an error, the operation may have been executed, unless the
    /// error is marked as [not sent](StoreError::not_sent). Mark an error as not sent only if `future` was not polled.
    fn around<T: Answer>(
        &self,
        operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;
}

/// What an operation of a store returns. [`StoreWrapper::around`] passes it on.
///
#[doc = include_str!("docs/store_wrapper.md")]
#[expect(private_bounds, reason = "the answers of all operations are known")]
pub trait Answer: Described + Send + 'static {}

impl<T: Described + Send + 'static> Answer for T {}

/// An answer with its outcome, as metrics count it.
pub(super) trait Described {
    fn outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

/// A store behind an [`Arc`] is a store.
impl<S: SessionStore> StoreWrapper for Arc<S> {
    type Inner = S;

    #[inline]
    fn inner(&self) -> &S {
        self
    }

    #[inline]
    fn around<T: Answer>(
        &self,
        _operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        future
    }
}

impl<W: StoreWrapper> SessionStore for W {
    #[inline]
    fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send {
        let loading = self.inner().load(id, subject, freshness);
        self.around(Operation::Load, loading)
    }

    #[inline]
    fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> impl Future<Output = Result<CreateOutcome, StoreError>> + Send {
        let creating = self.inner().create(id, record, version, ttl);
        self.around(Operation::Create, creating)
    }

    #[inline]
    fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> impl Future<Output = Result<UpdateOutcome, StoreError>> + Send {
        let updating = self.inner().update(id, expected, record, version, ttl);
        self.around(Operation::Update, updating)
    }

    #[inline]
    fn delete(&self, id: &SessionId) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.around(Operation::Delete, self.inner().delete(id))
    }

    fn keeps_nothing(&self) -> bool {
        self.inner().keeps_nothing()
    }

    fn revocations(&self) -> Option<&RevocationList> {
        self.inner().revocations()
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        self.inner().opens_actix_session_key(key)
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        self.inner().end_reporter()
    }
}

impl<W: StoreWrapper<Inner: SubjectStore>> SubjectStore for W {
    fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> impl Future<Output = Result<SignInOutcome, StoreError>> + Send {
        self.around(Operation::SignIn, self.inner().sign_in(write, limit))
    }

    fn list(
        &self,
        subject: &SubjectDigest,
    ) -> impl Future<Output = Result<Vec<(SessionId, Loaded)>, StoreError>> + Send {
        self.around(Operation::List, self.inner().list(subject))
    }

    fn find_by_label(
        &self,
        label: &str,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send {
        self.around(Operation::FindByLabel, self.inner().find_by_label(label))
    }

    fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> impl Future<Output = Result<EndOutcome, StoreError>> + Send {
        let ending = self.inner().end_subject(subject, now, kept);
        self.around(Operation::EndSubject, ending)
    }

    fn end_everything(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Timestamp, StoreError>> + Send {
        let ending = self.inner().end_everything(now);
        self.around(Operation::EndEverything, ending)
    }

    fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let asking = self.inner().is_revoked(id, subject, since);
        self.around(Operation::IsRevoked, asking)
    }

    fn has_subjects(&self) -> bool {
        self.inner().has_subjects()
    }
}

impl<W: StoreWrapper<Inner: IterableStore>> IterableStore for W {
    fn page(
        &self,
        after: Option<&Cursor>,
        limit: NonZeroU32,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        self.around(Operation::Page, self.inner().page(after, limit))
    }

    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.around(Operation::Count, self.inner().count())
    }

    fn clear(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.around(Operation::Clear, self.inner().clear())
    }
}

impl<W: StoreWrapper<Inner: ManagedStore>> ManagedStore for W {
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.around(Operation::Ping, self.inner().ping())
    }

    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner().close()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        clock::{Clock as _, SystemClock},
        storage::{AnySessionStore, MemorySessionStore},
    };

    const MINUTE: Duration = Duration::from_secs(60);

    /// Notes the operations of a store.
    struct Noting<S> {
        store: S,
        noted: Mutex<Vec<Operation>>,
    }

    impl<S> Noting<S> {
        fn new(store: S) -> Self {
            let noted = Mutex::default();
            Self { store, noted }
        }
    }

    impl<S: SessionStore> StoreWrapper for Noting<S> {
        type Inner = S;

        fn inner(&self) -> &S {
            &self.store
        }

        async fn around<T: Answer>(
            &self,
            operation: Operation,
            future: impl Future<Output = Result<T, StoreError>> + Send,
        ) -> Result<T, StoreError> {
            self.noted.lock().unwrap().push(operation);
            future.await
        }
    }

    #[tokio::test]
    async fn each_operation_runs_through_the_wrapper() -> Result<(), StoreError> {
        use Operation::*;
        let store = Noting::new(MemorySessionStore::default());
        let (id, version) = (SessionId::generate(), Version::generate());
        let (now, subject) = (SystemClock.now(), SubjectDigest::of("ferris"));
        let (record, limit) = (Record::new(now), SessionLimit::new(1).unwrap());
        store.create(&id, &record, version, MINUTE).await?;
        let loaded = store.load(&id, None, Freshness::Current).await?;
        assert_eq!(loaded.unwrap().version, version);
        let next = Version::generate();
        store.update(&id, version, &record, next, MINUTE).await?;
        store.delete(&id).await?;
        let write = SignInWrite::create(&id, &record, version, MINUTE);
        store.sign_in(write, limit).await.unwrap_err();
        store.list(&subject).await?;
        store.find_by_label("sid").await?;
        store.end_subject(&subject, now, None).await?;
        store.end_everything(now).await?;
        store.is_revoked(&id, None, now).await?;
        store.page(None, NonZeroU32::MIN).await?;
        store.count().await?;
        store.clear().await?;
        store.ping().await?;
        store.close().await?;
        assert_eq!(
            *store.noted.lock().unwrap(),
            [
                Create,
                Load,
                Update,
                Delete,
                SignIn,
                List,
                FindByLabel,
                EndSubject,
                EndEverything,
                IsRevoked,
                Page,
                Count,
                Clear,
                Ping
            ]
        );
        Ok(())
    }

    #[test]
    fn provided_methods_are_forwarded_to_the_inner_store() {
        let memory = MemorySessionStore::default();
        let with = Noting::new(AnySessionStore::with_subjects(memory.clone()));
        assert!(with.has_subjects() && with.end_reporter().is_some());
        assert!(!Noting::new(AnySessionStore::new(memory)).has_subjects());
    }

    #[cfg(feature = "cookie-session")]
    #[test]
    fn the_inner_store_keeps_its_revocation_list() {
        use crate::storage::{CookieSessionStore, RevocationList};

        let list = RevocationList::new(MemorySessionStore::default());
        let store = Noting::new(CookieSessionStore::with_revocations(list));
        assert!(store.keeps_nothing() && store.revocations().is_some());
    }
}
