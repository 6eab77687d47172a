//! Sessions for Actix Web.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "actix")]
mod actix;
mod clock;
pub mod config;
mod cookie;
mod journal;
mod json;
mod key;
mod lifetime;
mod manager;
mod random;
mod record;
mod session;
mod settings;
mod state;
pub mod storage;
mod telemetry;
#[cfg(feature = "test-helpers")]
pub mod test_helpers;

#[cfg(feature = "actix")]
pub use self::actix::{SessionExt, SessionMiddleware, SessionMiddlewareBuilder};
pub use self::{
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    config::{CookieContentSecurity, SessionLength},
    cookie::{
        CookieTooLargeError, InvalidCookieError, InvalidSealingKeyError, SealingKey, SetCookie,
    },
    journal::MergeError,
    json::JsonError,
    manager::{CommitError, OpenError, SessionManager},
    record::{DecodeError, Record},
    session::{
        Session, SessionClosedError, SessionGetError, SessionInsertError, SessionReloadError,
        SessionSaveError, SessionStatus, SessionUpdateError, StateTooLargeError, WriteError,
    },
    settings::{Settings, SettingsError},
    state::State,
};
