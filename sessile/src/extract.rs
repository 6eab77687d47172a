//! Extractors beside [`Session`](crate::Session), and the middleware `CsrfGuard`.
//!
//! | a handler's argument | the handler runs |
//! | --- | --- |
//! | `SignedIn` | if a user is signed in |
//! | `Option<SignedIn>` | always |
//! | `RecentlyAuthenticated` | if a user is signed in and authenticated recently |
//! | [`TypedSession`] | always, with the values of the session as one struct |
//! | `SessionOf` | always, with the session of one of several middlewares |
//! | `Unextended` | always, and does not extend the life of the session |

#[cfg(feature = "actix")]
pub use crate::actix::{
    CsrfGuard, NoSessionError, RecentlyAuthenticated, SessionOf, SignedIn, Unextended,
};
pub use crate::session::TypedSession;
