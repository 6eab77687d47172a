//! The settings: [`Settings`] documents each of them.
//!
//! `SessionMiddlewareBuilder` has a setter for each.

mod cookie;
mod lifecycle;
mod persistence;
mod policies;
mod settings;

/// The crate that has the `Duration` of the types from actix-session: [`BrowserSession`],
/// [`PersistentSession`] and [`SessionLength`]. All other durations are those of the standard
/// library.
pub use time;

#[cfg(feature = "actix")]
pub use crate::actix::SessionMiddlewareBuilder;
pub use crate::cookie::KeyRing;

pub use self::{
    cookie::{CookieContentSecurity, SameSite},
    lifecycle::{
        AbsoluteTimeoutFrom, BrowserSession, PersistentSession, SessionLength, SessionLifecycle,
        TtlExtensionPolicy,
    },
    persistence::Persistence,
    policies::{Caching, Loading, StoreFailurePolicy, SupersededPolicy},
    settings::Settings,
};
