//! What handlers take as arguments beside [`Session`](crate::Session): signed-in users, recent authentications, the values
//! as a struct, and sessions whose life a request does not extend.
//!
//! | a handler's argument | the handler runs |
//! | --- | --- |
//! | `SignedIn` | if a user is signed in |
//! | `Option<SignedIn>` | always |
//! | `RecentlyAuthenticated` | if a user is signed in and authenticated recently |
//! | [`TypedSession`] | always, with the values of the session as one struct |
//! | `Unextended` | always, and does not extend the life of the session |

#[cfg(feature = "actix")]
pub use crate::actix::{RecentlyAuthenticated, SignedIn, Unextended};
pub use crate::session::TypedSession;
