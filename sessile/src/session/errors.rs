//! What can go wrong when a handler uses its session.

use std::any::type_name;

use crate::{
    failure::{CommitError, OpenError, StateTooLargeError},
    journal::MergeError,
    json::JsonError,
};

/// A value could not be read.
///
/// In a handler it answers an opaque 500 through `?`. It tells name, type and place, never the
/// value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session's value `{name}` could not be read as a `{expected}`")]
#[non_exhaustive]
pub struct SessionGetError {
    /// The name that was asked for.
    pub name: String,
    /// The type that was asked for.
    pub expected: &'static str,
    /// What was in the way.
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

/// What can be in the way of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// What is stored is not of the type that was asked for.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The session is loaded [on demand](crate::config::Loading::OnDemand), and nobody has:
    /// [`load`](crate::Session::load) it first.
    #[error("the session has not been loaded")]
    NotLoaded,
}

/// A value could not be put into the session, which is as it was.
///
/// In a handler it answers an opaque 500 through `?`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` could not be put into the session")]
#[non_exhaustive]
pub struct SessionInsertError {
    /// The name it was to have.
    pub name: String,
    /// What was in the way.
    pub source: WriteError,
}

/// A value of the session could not be updated; the session is as it was.
///
/// In a handler it answers an opaque 500 through `?`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session's value `{name}` could not be updated")]
#[non_exhaustive]
pub struct SessionUpdateError {
    /// The name of the value.
    pub name: String,
    /// What was in the way.
    pub source: WriteError,
}

/// What can be in the way of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The value can't be turned into JSON, or what is stored is not of its type.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The state would be larger than the application allows.
    #[error(transparent)]
    TooLarge(#[from] StateTooLargeError),
    /// The session is loaded [on demand](crate::config::Loading::OnDemand), and nobody has:
    /// [`load`](crate::Session::load) it first.
    #[error("the session has not been loaded")]
    NotLoaded,
    /// The session takes no writes any more.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
}

/// The session takes no writes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionClosedError {
    /// It was committed with its response. [`reload`](crate::Session::reload) opens it again, for
    /// changes that [`save`](crate::Session::save) stores.
    #[error("the session was committed with its response: reload it before writing")]
    Committed,
    /// Somebody ended it: signed out, renewed its key, or its time was over.
    #[error("the session has ended")]
    Ended,
    /// It was asked for before the middleware opened the request's session, which has taken over what
    /// was written to it and its place. Ask for the session again.
    #[error("the session was asked for before it was opened: ask for it again")]
    Replaced,
}

/// A session could not be saved.
///
/// Unless the session has ended, the changes are kept, and the commit at the end of the request
/// tries them once more. In a handler it answers through `?`, with an empty body: 409 if the session has ended, 503 if the
/// store is to blame, otherwise 500.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionSaveError {
    /// The session takes no changes any more.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// The response has been sent, and what was done needs a cookie: a session that is new, one
    /// whose key is renewed, or one whose state travels in the cookie.
    #[error("the session needs a cookie, and its response has been sent")]
    ResponseSent,
    /// No store is behind this session: it was made by [`Session::new`](crate::Session::new), no
    /// middleware is in place, or the store failed and the request went on without it.
    #[error("no store is behind this session")]
    NoStore,
    /// The changes could not be stored.
    #[error("the session could not be saved")]
    Commit(#[from] CommitError),
}

/// A session could not be reloaded.
///
/// In a handler it answers through `?`, with an empty body: 409 if the session has ended, 503 if the
/// store is to blame, otherwise 500.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionReloadError {
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// The session was never stored, so there is nothing to load.
    #[error("the session was never stored")]
    NotStored,
    /// No store is behind this session.
    #[error("no store is behind this session")]
    NoStore,
    /// The newest state could not be had.
    #[error("the session could not be loaded")]
    Load(#[from] OpenError),
    /// An earlier attempt to store the changes failed in a way that leaves open whether they were
    /// stored, and the stored session has changed since: they may be in it. The session now holds
    /// what is stored, and all changes that were not stored for sure are dropped.
    #[error("it is not known whether an earlier attempt stored the session's changes")]
    Uncertain,
    /// The unsaved changes could not be made to the newest state.
    #[error("the session's unsaved changes do not fit its newest state")]
    Merge(#[from] MergeError),
}
