//! The errors of methods of a session.

use std::any::type_name;

use super::MergeError;
use crate::{
    error::{CommitError, OpenError, StateTooLargeError},
    record::json::JsonError,
};

/// A value could not be read.
///
/// In a handler, `?` turns it into an opaque 500. The error has the name, the type and the position, but never the
/// value.
///
/// ```
/// use sessile::Session;
///
/// let session = Session::new();
/// session.insert("card", "4111 1111")?;
/// let error = session.get::<u32>("card").unwrap_err();
/// assert_eq!(error.to_string(), "the session's value `card` could not be read as a `u32`");
/// # Ok::<(), sessile::SessionInsertError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session's value `{name}` could not be read as a `{expected}`")]
#[non_exhaustive]
pub struct SessionGetError {
    /// The requested name.
    pub name: String,
    /// The requested type.
    pub expected: &'static str,
    /// The reason.
    pub source: ReadError,
}

impl SessionGetError {
    pub(crate) fn new<T>(name: &str, source: ReadError) -> Self {
        Self {
            name: name.to_owned(),
            expected: type_name::<T>(),
            source,
        }
    }
}

/// Why a value could not be read.
///
/// ```
/// use sessile::{Session, error::{JsonError, ReadError}};
///
/// let session = Session::new();
/// session.insert("visits", "many")?;
/// let error = session.get::<u32>("visits").unwrap_err();
/// assert!(matches!(error.source, ReadError::Json(JsonError::Shape { .. })));
/// # Ok::<(), sessile::SessionInsertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stored value is not of the requested type.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The session is loaded [lazily](crate::config::Loading::Lazy), and has not been loaded yet: call
    /// [`load`](crate::Session::load) first.
    #[error("the session has not been loaded")]
    NotLoaded,
}

/// A value could not be put into the session. The session is unchanged.
///
/// In a handler, `?` turns it into an opaque 500.
///
/// ```
/// use sessile::Session;
///
/// let session = Session::new();
/// let error = session.insert("ratio", f64::NAN).unwrap_err();
/// assert_eq!(error.name, "ratio");
/// assert!(!session.contains_key("ratio"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` could not be put into the session")]
#[non_exhaustive]
pub struct SessionInsertError {
    /// The name of the value.
    pub name: String,
    /// The reason.
    pub source: WriteError,
}

/// A value of the session could not be updated. The session is unchanged.
///
/// In a handler, `?` turns it into an opaque 500.
///
/// ```
/// use sessile::Session;
///
/// let session = Session::new();
/// session.insert("visits", "many")?;
/// let error = session.update("visits", |n: u32| n + 1).unwrap_err();
/// assert_eq!(error.name, "visits");
/// # Ok::<(), sessile::SessionInsertError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session's value `{name}` could not be updated")]
#[non_exhaustive]
pub struct SessionUpdateError {
    /// The name of the value.
    pub name: String,
    /// The reason.
    pub source: WriteError,
}

/// Why a change was refused.
///
/// ```
/// use sessile::{Session, error::{SessionClosedError, WriteError}};
///
/// let session = Session::new();
/// session.purge();
/// let error = session.insert("visits", 1).unwrap_err();
/// assert_eq!(error.source, WriteError::Closed(SessionClosedError::Purged));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The value can't be turned into JSON, or the stored value is not of its type.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The state would be larger than the application allows.
    #[error(transparent)]
    TooLarge(#[from] StateTooLargeError),
    /// The session is loaded [lazily](crate::config::Loading::Lazy), and has not been loaded yet: call
    /// [`load`](crate::Session::load) first.
    #[error("the session has not been loaded")]
    NotLoaded,
    /// A label or its name is too long.
    #[error("a label of a session has at most {max} bytes, not {len}")]
    LabelTooLong {
        /// The length of the label or the name in bytes.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// The [flashed](crate::Session::flash) values would be too large.
    #[error(
        "the values for the next request would have {bytes} bytes, and at most {max} are allowed"
    )]
    FlashTooLarge {
        /// The size that all of them would have.
        bytes: usize,
        /// The maximum.
        max: usize,
    },
    /// A timeout of the session's own [`Persistence`](crate::config::Persistence) is shorter than a millisecond.
    #[error("a timeout of a session has to be at least one millisecond")]
    TimeoutTooShort,
    /// The session already has the maximum number of labels.
    #[error("a session has at most {max} labels")]
    TooManyLabels {
        /// The maximum.
        max: usize,
    },
    /// The session takes no changes.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// Another thread or the closure itself changed the value during each run of the closure.
    #[error("the value was changed each time that it was updated")]
    KeepsChanging,
}

impl From<ReadError> for WriteError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Json(error) => Self::Json(error),
            ReadError::NotLoaded => Self::NotLoaded,
        }
    }
}

/// Why a session takes no changes.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     error::SessionClosedError,
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// let session = manager.open([]).await?;
/// manager.commit(&session, &ResponseHead::to("GET")).await?;
/// assert_eq!(session.try_renew(), Err(SessionClosedError::Committed));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionClosedError {
    /// The session was committed with its response. [`reload`](crate::Session::reload) opens it again, for
    /// changes that [`save`](crate::Session::save) stores.
    #[error("the session was committed with its response: reload it before writing")]
    Committed,
    /// Another request ended the session, or it expired.
    #[error("the session has ended")]
    Ended,
    /// Another request renewed the session. [`renew`](crate::Session::renew) starts a new session in its place.
    #[error("the session was renewed by another request")]
    Superseded,
    /// This request ended the session. [`restart`](crate::Session::restart) starts another one.
    #[error("the session was purged")]
    Purged,
}

/// A session could not be saved.
///
/// Unless the session is closed, the changes are kept, and the commit at the end of the request tries to store them
/// again. A handler can return the error with `?`. The response has an empty body: 409 if another request has ended
/// or renewed the session, 503 if the store failed, otherwise 500.
///
/// ```
/// use sessile::{Session, error::SessionSaveError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// // No middleware has opened this session.
/// let session = Session::new();
/// session.insert("visits", 1)?;
/// assert!(matches!(session.save().await, Err(SessionSaveError::NoStore)));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionSaveError {
    /// The session takes no changes.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// The response has been sent or the client has disconnected, and the change needs a cookie: the session is new or
    /// renewed, or its record is in the cookie.
    #[error("the session needs a cookie, and its response has been sent")]
    ResponseSent,
    /// The session has no store: it was created by [`Session::new`](crate::Session::new), no middleware has opened
    /// it, or the store failed and the request continued without it.
    #[error("the session has no store")]
    NoStore,
    /// The changes could not be stored.
    #[error("the session could not be saved")]
    Commit(#[from] CommitError),
}

/// A session could not be reloaded.
///
/// A handler can return the error with `?`. The response has an empty body: 409 if another request has ended or
/// renewed the session, 503 if the store failed, otherwise 500.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{SealingKey, SessionManager},
///     error::SessionReloadError,
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// let session = manager.open([]).await?;
/// assert!(matches!(session.reload().await, Err(SessionReloadError::NotStored)));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionReloadError {
    /// The session was purged, or another request has ended or renewed it.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// The session was never stored, so there is nothing to load.
    #[error("the session was never stored")]
    NotStored,
    /// The session has no store.
    #[error("the session has no store")]
    NoStore,
    /// The current state could not be loaded.
    #[error("the session could not be loaded")]
    Load(#[from] OpenError),
    /// The outcome of an earlier attempt to store the changes is unknown, and the stored session has changed since
    /// then, so it may contain the changes. The session now has the stored state. Changes with an unknown outcome
    /// are dropped.
    #[error("it is not known whether an earlier attempt stored the session's changes")]
    Unknown,
    /// The unsaved changes could not be applied to the current state.
    /// [`discard`](crate::Session::discard) drops them.
    #[error("the session's unsaved changes do not fit its current state")]
    Merge(#[from] MergeError),
    /// Each attempt to apply the unsaved changes changed the session again: a closure passed to
    /// [`update`](crate::Session::update) changes its own session.
    #[error(
        "the session was changed each time that its unsaved changes were applied to its current state"
    )]
    KeepsChanging,
}
