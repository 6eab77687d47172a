//! [`IterableStore`]: stores whose sessions can be iterated, counted and cleared.

use std::{fmt, num::NonZeroU32};

use super::{Loaded, SessionId, SessionStore, StoreError, StoreErrorKind};

/// A store that iterates over all of its sessions, counts them, and deletes them: for administrators.
///
/// [`Sessions`](crate::Sessions) has these operations for applications. The page
/// [`guide::administration`](crate::guide::administration) shows them. The feature `store-tests` has a suite for these rules:
/// `test_helpers::iterable_store_test_suite`.
///
/// # Cost
///
/// Each operation reads all sessions, page by page or as a whole. Do not call them in the requests of users.
///
/// ```
/// use std::{num::NonZeroU32, time::Duration};
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemorySessionStore::default();
/// for _ in 0..5 {
///     let (id, record) = (SessionId::generate(), Record::new(SystemClock.now()));
///     store.create(&id, &record, Version::generate(), Duration::from_secs(60)).await?;
/// }
/// let (mut seen, mut after) = (0, None);
/// loop {
///     let page = store.page(after.as_ref(), NonZeroU32::MIN).await?;
///     seen += page.sessions.len();
///     after = page.next;
///     if after.is_none() {
///         break;
///     }
/// }
/// assert_eq!((seen, store.count().await?), (5, 5));
///
/// store.clear().await?;
/// assert_eq!(store.count().await?, 0);
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not iterate over its sessions: use a store of `sessile::storage` that does, or implement `IterableStore` for this type"
)]
pub trait IterableStore: SessionStore {
    /// A page of live sessions, of users and guests, in an order of the store's own.
    ///
    /// `after` is the cursor of the page before; `None` asks for the first page. An iteration follows
    /// [`next`](Page::next) until that is `None`. It shows each session that lives throughout the iteration at least
    /// once. A session that is created or ends during the iteration may be shown. Expired sessions are not shown.
    /// `limit` bounds the sessions of a page, and so the memory of an iteration. Any page may have fewer sessions, or
    /// none. A store whose backend can't be exact may exceed the limit slightly.
    ///
    /// # Errors
    ///
    /// If the store fails, and of kind [`Unsupported`](StoreErrorKind::Unsupported) for a cursor of another store. A
    /// record that can't be decoded is an error inside the page, and does not fail the page.
    fn page(
        &self,
        after: Option<&Cursor>,
        limit: NonZeroU32,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// The number of live sessions, of users and guests.
    ///
    /// It need not be a snapshot: sessions that are created or end during the call may count. Each store documents
    /// whether the number is exact otherwise.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Deletes all sessions, of users and guests. Marks stay.
    ///
    /// A session that existed when the call began is deleted, and an update in flight never restores it. A session
    /// that is created during the call may stay. To refuse sign-ins in flight as well, use
    /// [`end_everything`](super::SubjectStore::end_everything).
    ///
    /// # Errors
    ///
    /// If some sessions may not have been deleted. The call can be repeated.
    fn clear(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Some of the sessions of an [`IterableStore`].
///
/// ```
/// use std::{num::NonZeroU32, time::Duration};
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemorySessionStore::default();
/// let (id, record) = (SessionId::generate(), Record::new(SystemClock.now()));
/// store.create(&id, &record, Version::generate(), Duration::from_secs(60)).await?;
///
/// let page = store.page(None, NonZeroU32::MIN).await?;
/// let (shown, loaded) = &page.sessions[0];
/// assert_eq!(shown, &id);
/// assert_eq!(loaded.as_ref().map(|it| &it.record).ok(), Some(&record));
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Page {
    /// The sessions. If a record can't be decoded, the error is in its place.
    pub sessions: Vec<(SessionId, Result<Loaded, StoreError>)>,
    /// The cursor of the next page; `None` after the last page.
    pub next: Option<Cursor>,
}

/// The position in an iteration at which the next page begins, as text that the store wrote. It is not secret.
///
/// An application can send it to the browser, for a link to the next page. A store refuses a text that it can't have
/// written.
///
/// ```
/// use sessile::storage::Cursor;
///
/// let cursor = Cursor::new("17");
/// assert_eq!(cursor.to_string(), "17");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// The cursor of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The text of the cursor.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as `parse` reads it, or an error for a cursor of another store.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(&self.0).ok_or_else(|| {
            let cause = "the cursor is not one of this store";
            StoreError::new(StoreErrorKind::Unsupported, cause).not_sent()
        })
    }

    /// The cursor after this session, in a store that iterates in the order of ids.
    #[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
    pub(super) fn of_id(id: &SessionId) -> Self {
        Self::new(id.to_string())
    }

    /// The session that the cursor of such a store names.
    #[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
    pub(super) fn id(&self) -> Result<SessionId, StoreError> {
        self.parse(|text| text.parse().ok())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
