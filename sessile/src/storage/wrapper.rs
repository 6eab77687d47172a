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

/// A store that runs code around each operation of another store: to measure it, to trace it, or to let it fail in a test.
///
/// The wrapper is a [`SessionStore`], and has the optional traits that the inner store has. It forwards all provided methods,
/// so ended sessions stay ended if the inner store has a [`RevocationList`].
///
#[doc = include_str!("docs/store_wrapper.md")]
pub trait StoreWrapper: Send + Sync + 'static {
    /// The type of the inner store.
    type Inner: SessionStore;

    /// The inner store.
    fn inner(&self) -> &Self::Inner;

    /// Runs `future`, which is an operation of the inner store. The operation is not sent before the first poll of
    /// `future`. The wrapper may return an error instead of polling it.
    ///
    /// [`ManagedStore::close`] does not call this.
    fn around<T: Answer>(
        &self,
        operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;
}

/// What an operation of a store returns. [`StoreWrapper::around`] passes it on.
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
