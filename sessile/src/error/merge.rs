//! The error of merging.

use std::sync::Arc;

use crate::record::json::JsonError;

/// A change could not be applied to the state that another request stored in the meantime.
///
/// It has the name, but never a value. [`Session::discard`](crate::Session::discard) drops the changes,
/// after which the session can be used again.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     error::{MergeCause, SessionReloadError},
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// # let post = ResponseHead::to("POST");
/// # let session = manager.open([]).await?;
/// # session.insert("visits", 1)?;
/// # let headers = manager.commit(&session, &post).await?;
/// # let cookie = headers.set_cookie.unwrap();
/// # let cookie = cookie.as_str().split(';').next().unwrap();
/// let session = manager.open([cookie.as_bytes()]).await?;
/// session.update("visits", |n: u32| n + 1)?;
///
/// // In the meantime, another request stores a string.
/// let other = manager.open([cookie.as_bytes()]).await?;
/// other.insert("visits", "many")?;
/// manager.commit(&other, &post).await?;
///
/// match session.reload().await {
///     Err(SessionReloadError::Merge(error)) => {
///         assert_eq!(&*error.name, "visits");
///         assert!(matches!(error.source, MergeCause::Json(_)));
///     }
///     _ => panic!("a string can't be incremented"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the update of the session's value `{name}` could not be applied to the stored value")]
#[non_exhaustive]
pub struct MergeError {
    /// The name of the value.
    pub name: Arc<str>,
    /// The reason.
    pub source: MergeCause,
}

/// Why a change could not be applied to the state that another request stored.
///
/// ```
/// use sessile::error::{JsonError, MergeCause};
///
/// assert_eq!(MergeCause::from(JsonError::TooDeep), MergeCause::Json(JsonError::TooDeep));
/// assert_eq!(MergeCause::Panicked.to_string(), "the closure given to `update` panicked");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeCause {
    /// The stored value is not of the closure's type, or the new value has no JSON form.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The closure panicked.
    #[error("the closure given to `update` panicked")]
    Panicked,
}
