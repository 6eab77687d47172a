//! The contract of a store, called directly.

mod at_rest;
pub(super) mod case;
pub(super) mod concurrency;
pub(super) mod content;
mod ending;
pub(super) mod interruption;
mod round_trip;
mod rules;
mod writing;

use std::{sync::Arc, time::Duration};

use crate::storage::{AnySessionStore, SessionStore};

/// How long a record with a time to live of 1 ms may be found. It allows for a cache that lags and a busy
/// machine.
const EXPIRY_BOUND: Duration = Duration::from_secs(20);

/// Checks the stores that `store_builder` makes against [the rules](crate::storage#the-rules), without a
/// web framework.
///
/// A store that [keeps nothing](SessionStore::keeps_nothing) is not checked at all: its records are in the
/// cookie. A store that returns [`CreatedAs`](crate::storage::CreateOutcome::CreatedAs) chooses the ids
/// itself. For such a store, the suite does not check a second `create` under the same id, and allows a
/// `create` that drops the digests of secrets. All other checks continue with the id that it chose.
///
/// Each check calls `store_builder` for a store of its own. The stores may share their records and may hold
/// others: the checks use random ids. Call the suite in a Tokio runtime with timers, as `#[tokio::test]` and
/// `#[actix_web::test]` start one. For a store in memory the suite takes a tenth of a second. If a store
/// rounds the time to live up, the suite waits for up to 20 seconds.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::store_contract_test_suite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// store_contract_test_suite(MemorySessionStore::default).await;
/// # });
/// ```
///
/// # Panics
///
/// If the store breaks a rule. The message names the rule in words and says what the store did:
///
/// ```text
/// rule broken: `update` never brings back a record that is missing. What the store did: `create` answered
/// Created, `delete` succeeded, `update` answered Updated. The rule asks for Missing. A load now finds a record.
/// ```
pub async fn store_contract_test_suite<F, Store>(store_builder: F)
where
    Store: SessionStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    store_contract_test_suite_within(store_builder, EXPIRY_BOUND).await;
}

/// The same, for stores that are expected to fail. It waits for `expiry_bound` until a record has expired.
#[doc(hidden)]
pub async fn store_contract_test_suite_within<F, Store>(store_builder: F, expiry_bound: Duration)
where
    Store: SessionStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    if store_builder().keeps_nothing() {
        return;
    }
    // With boxed futures: those of some stores are so large that all checks together fill the stack of a test.
    let store = || Arc::new(AnySessionStore::new(store_builder()));

    // The basic checks come first, so that a failure names the rule that caused it.
    round_trip::a_record_comes_back_as_it_was_stored(store()).await;
    round_trip::every_member_comes_back(store()).await;
    round_trip::names_and_values_are_any_text(store()).await;
    round_trip::a_large_record_comes_back(store()).await;
    round_trip::the_hint_does_not_matter(store()).await;
    round_trip::ids_are_kept_apart(store()).await;

    writing::an_unused_id_is_missing(store()).await;
    writing::create_never_overwrites(store()).await;
    writing::update_reports_its_own_version_as_updated(store()).await;
    writing::update_compares_and_swaps(store()).await;
    writing::a_version_is_any_number(store()).await;

    ending::delete_ignores_the_version(store()).await;
    ending::delete_is_idempotent(store()).await;
    ending::update_never_recreates(store()).await;
    ending::a_ttl_of_zero_has_passed(store()).await;
    ending::an_id_is_free_after_its_end(store()).await;
    ending::a_long_ttl_has_not_passed(store()).await;
    ending::the_ttl_alone_decides(store()).await;
    ending::a_short_ttl_passes(store(), expiry_bound).await;
    ending::an_update_extends_the_ttl(store(), expiry_bound).await;

    writing::current_loads_see_acknowledged_writes(store()).await;
    writing::cached_loads_find_what_was_stored(store()).await;

    at_rest::unreadable_is_not_missing(store()).await;

    interruption::a_dropped_load_changes_nothing(store()).await;
    interruption::a_dropped_create_is_whole(store()).await;
    interruption::a_dropped_update_is_whole(store()).await;
    interruption::a_dropped_delete_is_whole(store()).await;

    concurrency::one_create_of_many_is_stored(store()).await;
    concurrency::one_update_of_many_is_stored(store()).await;
    concurrency::no_update_is_lost(store()).await;
    concurrency::what_was_deleted_stays_deleted(store()).await;
}
