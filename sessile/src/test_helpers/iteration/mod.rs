//! The rules of stores whose sessions can be iterated, and of those that can be checked and closed, called directly.

mod clearing;
mod managed;
mod operations;
mod pages;
mod rules;

use std::sync::Arc;

use crate::storage::{IterableStore, ManagedStore};

/// Checks the stores that `store_builder` makes against the rules of [`IterableStore`], without a web framework.
///
/// Run [`store_contract_test_suite`](super::store_contract_test_suite) as well, which checks the rules of all stores.
///
/// Each check calls `store_builder` for a store of its own. The stores may share their sessions and may hold others, but each
/// check reads all of them. [`clear_test_suite`] checks the operations that concern the sessions of others. Call the suite
/// in a Tokio runtime with timers, as `#[tokio::test]` and `#[actix_web::test]` start one.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::iterable_store_test_suite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// iterable_store_test_suite(MemorySessionStore::default).await;
/// # });
/// ```
///
/// # Panics
///
/// If the store breaks a rule. The message names the rule in words and says what the store did.
pub async fn iterable_store_test_suite<F, Store>(store_builder: F)
where
    Store: IterableStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    let store = || Arc::new(store_builder());
    // Boxed, as in `subject_store_test_suite`.
    Box::pin(pages::every_session_is_shown(store())).await;
    Box::pin(pages::what_has_ended_is_not_shown(store())).await;
    Box::pin(pages::a_page_is_bounded(store())).await;
    Box::pin(pages::what_lives_throughout_is_shown(store())).await;
    Box::pin(pages::an_unreadable_record_fails_alone(store())).await;
    Box::pin(pages::another_cursor_is_refused(store())).await;
}

/// Checks [`count`](IterableStore::count) and [`clear`](IterableStore::clear) of the stores that `store_builder` makes.
///
/// It deletes all sessions in the store. So run it on a store that no other test uses at the time.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::clear_test_suite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// clear_test_suite(MemorySessionStore::default).await;
/// # });
/// ```
///
/// # Panics
///
/// As [`iterable_store_test_suite`].
pub async fn clear_test_suite<F, Store>(store_builder: F)
where
    Store: IterableStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    let store = || Arc::new(store_builder());
    Box::pin(clearing::live_sessions_count(store())).await;
    Box::pin(clearing::all_sessions_are_deleted(store())).await;
    Box::pin(clearing::what_was_cleared_stays_deleted(store())).await;
}

/// Checks the stores that `store_builder` makes against the rules of [`ManagedStore`].
///
/// It closes the stores. Each call of `store_builder` has to open another one.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::managed_store_test_suite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// managed_store_test_suite(async || MemorySessionStore::default()).await;
/// # });
/// ```
///
/// # Panics
///
/// If the store breaks a rule. The message names the rule in words and says what the store did.
pub async fn managed_store_test_suite<Store>(store_builder: impl AsyncFn() -> Store)
where
    Store: ManagedStore + 'static,
{
    Box::pin(managed::a_store_can_be_checked_and_closed(Arc::new(
        store_builder().await,
    )))
    .await;
    Box::pin(managed::what_has_begun_completes(Arc::new(
        store_builder().await,
    )))
    .await;
}
