//! Iterating, counting and clearing, and closing the store, over the connections of a pool and over one connection.

use sessile::{
    clock::Timestamp,
    storage::{
        IterableStore as _, ManagedStore as _, SessionId, StoreErrorKind, SubjectStore as _,
    },
    test_helpers::{clear_test_suite, iterable_store_test_suite},
};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{built, create, failed, in_time, patient, try_create, value, with_patience},
};

async fn passes(store: &Store) {
    let shared = || {
        let store = store.clone();
        move || store.clone()
    };
    in_time(iterable_store_test_suite(shared())).await;
    in_time(clear_test_suite(shared())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_iterates_and_closes_its_own_connections_only() {
    let server = Server::start().unwrap();
    let builder = patient(server.url()).create_table(true);
    let own = built(engine::at_most(builder, 1)).await;
    passes(&own).await;
    let pool = engine::pool(&server).await;
    let pooled = built(with_patience(Store::builder_pooled(pool.clone()))).await;
    passes(&pooled).await;

    for store in [own, pooled] {
        let at = create(&store, 1).await;
        store.ping().await.unwrap();
        store.close().await.unwrap();
        let (id, since) = (SessionId::generate(), Timestamp::from_unix_millis(0));
        for error in [
            failed(store.ping().await),
            failed(store.count().await),
            failed(store.clear().await),
            failed(store.is_revoked(&id, None, since).await),
            failed(value(&store, &at).await),
            failed(try_create(&store, 2).await),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            assert!(!error.may_have_happened());
        }
        // The sessions and the pool are there.
        let another = built(with_patience(Store::builder_pooled(pool.clone()))).await;
        assert_eq!(value(&another, &at).await.unwrap(), Some(1));
    }
}
