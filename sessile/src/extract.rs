//! Extractors besides [`Session`](crate::Session).

#[cfg(feature = "actix")]
pub use crate::actix::{NoSessionError, SessionOf};
pub use crate::session::TypedSession;
