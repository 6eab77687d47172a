//! The errors of the library.
//!
//! | call | error |
//! | --- | --- |
//! | [`Session::get`](crate::Session::get), [`remove_as`](crate::Session::remove_as) | [`SessionGetError`], whose source is a [`ReadError`] |
//! | [`Session::insert`](crate::Session::insert) | [`SessionInsertError`], whose source is a [`WriteError`] |
//! | [`Session::update`](crate::Session::update), [`update_or`](crate::Session::update_or) | [`SessionUpdateError`], whose source is a [`WriteError`] |
//! | [`Session::try_remove`](crate::Session::try_remove) and the like | [`WriteError`] or [`SessionClosedError`] |
//! | [`Session::load`](crate::Session::load) | [`OpenError`] |
//! | [`Session::sign_in`](crate::Session::sign_in) | [`SignInError`] |
//! | [`Session::require_signed_in`](crate::Session::require_signed_in), the extractors of signed-in users | [`AuthenticationError`] |
//! | [`Session::csrf_token`](crate::Session::csrf_token), [`csrf_field`](crate::Session::csrf_field) | [`WriteError`] |
//! | [`Session::verify_csrf`](crate::Session::verify_csrf), `extract::CsrfGuard` | [`CsrfError`] |
//! | [`Sessions::end_others`](crate::Sessions::end_others) | [`EndOthersError`] |
//! | [`Session::save`](crate::Session::save) | [`SessionSaveError`] |
//! | [`Session::reload`](crate::Session::reload) | [`SessionReloadError`] |
//! | [`SessionManager::new`](crate::engine::SessionManager::new), `SessionMiddlewareBuilder::try_build` | [`SettingsError`] |
//! | [`SessionManager::open`](crate::engine::SessionManager::open) | [`SessionFailure`](crate::engine::SessionFailure), whose source is an [`OpenError`] |
//! | [`SessionManager::commit`](crate::engine::SessionManager::commit) | [`SessionFailure`](crate::engine::SessionFailure), whose source is a [`CommitError`] |
//! | [`KeyRing`](crate::config::KeyRing) | [`KeyRingError`] |
//! | operations of a store | [`StoreError`](crate::storage::StoreError) |
//!
//! In a handler, `?` turns them into a response with an empty body, without the cause. No error contains a secret, a
//! cookie or a value of a session.

mod authentication;
mod csrf;
mod failure;
mod merge;
mod session;
mod settings;
mod signing_in;
pub(crate) mod status;

pub use self::{
    authentication::AuthenticationError,
    csrf::{CsrfError, InvalidOriginError},
    failure::{CommitError, OpenError, StateTooLargeError},
    merge::{MergeCause, MergeError},
    session::{
        ReadError, SessionClosedError, SessionGetError, SessionInsertError, SessionReloadError,
        SessionSaveError, SessionUpdateError, WriteError,
    },
    settings::{InvalidCookieError, SettingsError},
    signing_in::{EndOthersError, InvalidSubjectError, SignInError},
};
pub use crate::{
    cookie::{CookieTooLargeError, InvalidSealingKeyError, KeyRingError},
    record::json::JsonError,
};
