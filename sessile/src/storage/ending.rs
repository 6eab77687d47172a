//! [`EndingStore`]: stores that can end all sessions of a user, or all sessions, in one call.

use super::{EndOutcome, SessionStore, StoreError, SubjectDigest, SubjectStore};
use crate::clock::Timestamp;

/// A store that can end all sessions of a user, or all sessions, in one call. Every [`SubjectStore`]
/// can, and so can a `CookieSessionStore` with a [`RevocationList`](super::RevocationList).
///
/// ```
/// use sessile::{Sessions, storage::{EndingStore, MemorySessionStore, StoreError}};
///
/// /// For any store that the application may have.
/// async fn lock(account: &str, sessions: &Sessions<impl EndingStore>) -> Result<usize, StoreError> {
///     sessions.end_all(account).await
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sessions = Sessions::new(MemorySessionStore::default());
/// assert_eq!(lock("user-17", &sessions).await?, 0);
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't end all sessions of a user: use a store of `sessile::storage` that can, or implement `SubjectStore` for this type"
)]
pub trait EndingStore: SessionStore {
    /// Ends all sessions of a subject: [`SubjectStore::end_subject`] without a session to keep.
    ///
    /// # Errors
    ///
    /// If some sessions may not have ended. The call can be repeated.
    fn end_sessions_of(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
    ) -> impl Future<Output = Result<EndOutcome, StoreError>> + Send;

    /// Ends all sessions: see [`SubjectStore::end_everything`].
    ///
    /// # Errors
    ///
    /// If some sessions may not have ended. The call can be repeated.
    fn end_all_sessions(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;
}

impl<S: SubjectStore> EndingStore for S {
    async fn end_sessions_of(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
    ) -> Result<EndOutcome, StoreError> {
        self.end_subject(subject, now, None).await
    }

    async fn end_all_sessions(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.end_everything(now).await
    }
}
