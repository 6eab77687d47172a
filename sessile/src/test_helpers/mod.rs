//! The acceptance suite: what every store has to do, over HTTP and called directly.
//!
//! For authors of stores. With the feature `test-helpers` of this crate among the
//! dev-dependencies, one call runs all of it:
//!
//! ```
//! use sessile::{storage::MemorySessionStore, test_helpers::acceptance_test_suite};
//!
//! # actix_web::rt::System::new().block_on(async {
//! acceptance_test_suite(MemorySessionStore::default, true).await;
//! # });
//! ```

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod contract;
mod guards;
mod lifetime;
mod round_trip;
mod workflow;

use actix_web::cookie::{Cookie, Key};

use crate::{CookieContentSecurity, storage::SessionStore};

/// A new key to seal the cookies of a test with.
#[must_use]
pub fn key() -> Key {
    Key::generate()
}

/// Runs the whole suite on the stores that `store_builder` makes, for both kinds of
/// [`CookieContentSecurity`].
///
/// `is_invalidation_supported` says whether the store can take a session back: `true` for every
/// store that keeps sessions on the server, `false` where the state travels in the cookie.
///
/// The stores may share their sessions, but each has to be empty of other tests' under the keys it
/// hands out. It has to be called from an Actix Web or Tokio test, `#[actix_web::test]` for one.
///
/// # Panics
///
/// When the store does not do what it has to.
pub async fn acceptance_test_suite<F, Store>(store_builder: F, is_invalidation_supported: bool)
where
    Store: SessionStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    for security in [
        CookieContentSecurity::Signed,
        CookieContentSecurity::Private,
    ] {
        round_trip::basic(store_builder(), security).await;
        lifetime::extended_on_changes(store_builder(), security).await;
        lifetime::extended_on_every_request(store_builder(), security).await;
        workflow::complex(store_builder(), security, is_invalidation_supported).await;
        guards::see_the_session(store_builder(), security).await;
        contract::corrupt_at_rest(store_builder(), security).await;
    }
    contract::everywhere(&store_builder()).await;
    if is_invalidation_supported {
        contract::on_the_server(store_builder()).await;
    }
}

/// The one cookie called `name` among `cookies`, which may hold none.
fn only<'c>(name: &str, cookies: impl Iterator<Item = Cookie<'c>>) -> Option<Cookie<'c>> {
    let mut named = cookies.filter(|cookie| cookie.name() == name);
    let found = named.next();
    assert!(named.next().is_none(), "`{name}` was set twice");
    found
}
