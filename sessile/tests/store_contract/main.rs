//! The contract suite on the stores that need no server.

#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a failed assertion of a test")
)]

mod migrating;
mod unreliable;

use std::sync::Arc;

use sessile::{
    storage::MemorySessionStore,
    test_helpers::{
        clear_test_suite, end_everything_test_suite, iterable_store_test_suite,
        managed_store_test_suite, store_contract_test_suite, subject_store_test_suite,
    },
};

/// The store of the guide's page `writing_a_store`.
#[expect(unreachable_pub, reason = "the guide shows it as a module of its own")]
#[path = "../../examples/stores/map_store.rs"]
mod map_store;

use map_store::MapStore;

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    store_contract_test_suite(MemorySessionStore::default).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_the_contract_on_many_threads() {
    store_contract_test_suite(MemorySessionStore::default).await;
}

#[tokio::test]
async fn the_memory_store_finds_and_ends_the_sessions_of_users() {
    subject_store_test_suite(MemorySessionStore::default).await;
    end_everything_test_suite(MemorySessionStore::default).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_finds_and_ends_the_sessions_of_users_on_many_threads() {
    let store = MemorySessionStore::default();
    subject_store_test_suite(move || store.clone()).await;
    end_everything_test_suite(MemorySessionStore::default).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_iterates_counts_and_clears() {
    let store = MemorySessionStore::default();
    iterable_store_test_suite(move || store.clone()).await;
    clear_test_suite(MemorySessionStore::default).await;
    managed_store_test_suite(async || MemorySessionStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shared_store_keeps_the_contract() {
    let store = Arc::new(MemorySessionStore::default());
    let shared = store.clone();
    store_contract_test_suite(move || shared.clone()).await;
    iterable_store_test_suite(move || store.clone()).await;
    managed_store_test_suite(async || Arc::new(MemorySessionStore::default())).await;
}

#[tokio::test]
async fn the_store_of_the_guide_keeps_the_contract() {
    store_contract_test_suite(MapStore::default).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_of_the_guide_keeps_the_contract_on_many_threads() {
    store_contract_test_suite(MapStore::default).await;
}

/// The cookie store keeps nothing, so there is nothing to check.
#[cfg(feature = "cookie-session")]
#[tokio::test]
async fn the_cookie_store_is_skipped() {
    store_contract_test_suite(sessile::storage::CookieSessionStore::default).await;
    managed_store_test_suite(async || sessile::storage::CookieSessionStore::default()).await;
}
