//! Helpers for tests of applications, and the acceptance suite for stores.
//!
//! # For applications
//!
//! With the feature `test-helpers`, `TestRequestExt::with_session` gives a request a session, `session_of` reads the session
//! of a response, and `TestClient` keeps cookies. The page `guide::testing` has examples. A
//! [`ManualClock`](crate::clock::ManualClock) needs no feature.
//!
//! # For authors of stores
//!
//! The acceptance suite checks that a store keeps the contract. It has these parts:
//!
//! - With the feature `store-tests`, [`store_contract_test_suite`] calls a store directly and checks it
//!   against [the rules](crate::storage#the-rules). It needs no web framework, and is all that most stores
//!   need. The page [`guide::writing_a_store`](crate::guide::writing_a_store) shows how to run it.
//! - For a store that finds and ends the sessions of a user, [`subject_store_test_suite`] and
//!   [`end_everything_test_suite`] check [the rules of that](crate::storage::SubjectStore), with the same feature.
//!   [`iterable_store_test_suite`] and [`clear_test_suite`] are for an
//!   [`IterableStore`](crate::storage::IterableStore), and [`managed_store_test_suite`] for a
//!   [`ManagedStore`](crate::storage::ManagedStore).
//! - With the feature `test-helpers`, `acceptance_test_suite` runs the contract and drives the store over
//!   HTTP as well.

#[cfg(feature = "test-helpers")]
mod application;
#[cfg(feature = "test-helpers")]
mod check;
mod contract;
#[cfg(feature = "test-helpers")]
mod guards;
mod iteration;
mod known;
#[cfg(feature = "test-helpers")]
mod lifetime;
#[cfg(feature = "test-helpers")]
mod round_trip;
mod scene;
mod subjects;
#[cfg(feature = "test-helpers")]
mod workflow;

#[cfg(feature = "test-helpers")]
use actix_web::cookie::Key;

#[cfg(feature = "test-helpers")]
pub use self::application::{TestClient, TestRequestExt, session_of};
pub use self::{
    contract::{store_contract_test_suite, store_contract_test_suite_within},
    iteration::{clear_test_suite, iterable_store_test_suite, managed_store_test_suite},
    subjects::{end_everything_test_suite, subject_store_test_suite},
};
#[cfg(feature = "test-helpers")]
use crate::{CookieContentSecurity, storage::SessionStore};

/// A new sealing key for the cookies of a test.
///
/// ```
/// use sessile::{SessionMiddleware, test_helpers, storage::MemorySessionStore};
///
/// let key = test_helpers::key();
/// assert_eq!(key.master().len(), 64);
/// let sessions = SessionMiddleware::new(MemorySessionStore::default(), key);
/// # let _ = sessions;
/// ```
#[cfg(feature = "test-helpers")]
#[must_use]
pub fn key() -> Key {
    Key::generate()
}

/// Runs the whole suite on the stores that `store_builder` makes, for both kinds of
/// [`CookieContentSecurity`].
///
/// `is_invalidation_supported` is `true` if the store can end a session. That is so for every store that keeps
/// sessions on the server, but not if the state is in the cookie.
///
/// The stores may share their sessions. Call the suite from an Actix Web test: `#[actix_web::test]`.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::acceptance_test_suite};
///
/// # actix_web::rt::System::new().block_on(async {
/// acceptance_test_suite(MemorySessionStore::default, true).await;
/// # });
/// ```
///
/// # Panics
///
/// If the store breaks a rule. The message names the rule in words and says what happened instead, as those
/// of [`store_contract_test_suite`] do.
#[cfg(feature = "test-helpers")]
pub async fn acceptance_test_suite<F, Store>(store_builder: F, is_invalidation_supported: bool)
where
    Store: SessionStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    // The basic checks come first, so that a failure names the rule that caused it.
    store_contract_test_suite(store_builder.clone()).await;
    for security in [
        CookieContentSecurity::Signed,
        CookieContentSecurity::Private,
    ] {
        round_trip::basic(store_builder(), security).await;
        lifetime::extended_on_changes(store_builder(), security).await;
        lifetime::extended_on_every_request(store_builder(), security).await;
        workflow::complex(store_builder(), security, is_invalidation_supported).await;
        guards::see_the_session(store_builder(), security).await;
    }
}
