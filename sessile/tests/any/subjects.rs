//! The sessions of a subject, on every store that finds them.

use sessile::storage::{IterableStore as _, StoreErrorKind, SubjectStore as _};

use crate::{place::Place, subject_scenarios::scenarios};

async fn finds_them(place: Place) {
    let first = place.open().await;
    let second = match place.address.as_str() {
        // Another store in memory would have other sessions.
        "memory:" => first.clone(),
        _ => place.open().await,
    };
    assert!(first.has_subjects());
    scenarios(&[first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    finds_them(Place::without_server("memory:")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    finds_them(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    finds_them(Place::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb() {
    finds_them(Place::mariadb()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis() {
    finds_them(Place::redis()).await;
}

#[actix_web::test]
async fn on_redis_through_an_actor() {
    finds_them(Place::redis_actor()).await;
}

#[tokio::test]
async fn in_the_cookie_there_are_none() {
    let store = Place::without_server("cookie:").open().await;
    assert!(!store.has_subjects());
    let error = store.count().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
}
