//! The settings, each in one place: [`Settings`] has all of them.
//!
//! `SessionMiddlewareBuilder` has a setter for each. Handlers never see them.

mod cookie;
mod lifecycle;
mod persistence;
mod policies;
mod settings;

/// The crate whose `Duration` the types of actix-session use: [`BrowserSession`], [`PersistentSession`] and
/// [`SessionLength`]. All other durations are of the standard library.
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
