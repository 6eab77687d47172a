//! The acceptance suite on every store.

use sessile::{
    storage::{CookieSessionStore, MemorySessionStore, SqliteSessionStore},
    test_helpers::acceptance_test_suite,
};

#[actix_web::test]
async fn memory() {
    acceptance_test_suite(MemorySessionStore::default, true).await;
}

#[actix_web::test]
async fn cookie() {
    acceptance_test_suite(CookieSessionStore::default, false).await;
}

#[actix_web::test]
async fn sqlite_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteSessionStore::new(path.to_str().unwrap())
        .await
        .unwrap();
    acceptance_test_suite(move || store.clone(), true).await;
}

#[actix_web::test]
async fn sqlite_in_memory() {
    let store = SqliteSessionStore::new("sqlite::memory:").await.unwrap();
    acceptance_test_suite(move || store.clone(), true).await;
}

/// The suite's message for the cookie store, if the suite expects that renewed sessions are invalidated.
#[actix_web::test]
async fn a_failure_over_http_names_the_rule() {
    let suite = acceptance_test_suite(CookieSessionStore::default, true);
    let failed = actix_web::rt::spawn(suite).await.unwrap_err();
    let message = failed.into_panic().downcast::<String>().unwrap();
    let rule =
        "rule broken: step 8: the cookie from before `renew` opens nothing, and is not set again. ";
    assert!(message.starts_with(rule), "{message}");
    assert!(message.contains("counter: 2"), "{message}");
}
