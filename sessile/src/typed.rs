//! The data of a session as one struct: [`TypedSession`].

pub use crate::session::TypedSession;
