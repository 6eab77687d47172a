//! Stores that are closed or dropped while operations are in flight.

use std::thread;

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[tokio::test]
async fn a_closed_store_sends_nothing() {
    for (_, store) in [in_memory().await, Database::new().open_with_clock().await] {
        let _ = store.close().await;
        let error = load(&store, &SessionId::generate()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(!error.may_have_happened());
        let error = store.delete(&SessionId::generate()).await.unwrap_err();
        assert!(!error.may_have_happened());
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn all_data_of_a_closed_store_is_in_one_file() {
    let database = Database::new();
    let store = database.open().await;
    let session = create(&store, &record("a"), MINUTE).await;
    assert!(stored(&store, &session.0).await.is_some());
    store.close().await.unwrap();
    let names = database.folder.path().read_dir().unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["sessions.db"]);
}

#[tokio::test]
async fn closing_waits_for_what_was_accepted() {
    let database = Database::new();
    let store = database.open().await;
    let (release, held) = hold(&store).await;
    let record = record("a");
    let mut creating = Box::pin(create(&store, &record, MINUTE));
    assert!(poll_once(creating.as_mut()).await.is_none());
    let mut closing = [(); 3].map(|()| Box::pin(store.close()));
    for closing in &mut closing {
        assert!(poll_once(closing.as_mut()).await.is_none());
    }
    drop(release);
    for closing in closing {
        closing.await.unwrap();
    }
    held.await;
    let (id, _) = creating.await;
    assert!(stored(&database.open().await, &id).await.is_some());
}

#[tokio::test]
async fn an_operation_whose_caller_and_store_are_gone_is_executed() {
    let database = Database::new();
    let id = SessionId::generate();
    let ended = {
        let store = database.open().await;
        let (release, held) = hold(&store).await;
        let record = record("a");
        let mut creating = Box::pin(store.create(&id, &record, Version::generate(), MINUTE));
        assert!(poll_once(creating.as_mut()).await.is_none());
        drop((creating, held, release));
        store.0.queue.ended()
    };
    ended.await;
    assert!(stored(&database.open().await, &id).await.is_some());
}

#[test]
fn a_runtime_that_ends_while_an_answer_is_due_leaves_the_store_usable() {
    let first = runtime();
    let (_, store) = first.block_on(in_memory());
    let id = SessionId::generate();
    let release = first.block_on(async {
        let (release, held) = hold(&store).await;
        tokio::spawn(held);
        let (store, id) = (store.clone(), id.clone());
        tokio::spawn(async move {
            store
                .create(&id, &record("a"), Version::generate(), MINUTE)
                .await
        });
        tokio::task::yield_now().await;
        release
    });
    drop(first);
    drop(release);
    runtime().block_on(async {
        assert_eq!(stored(&store, &id).await, Some(record("a")));
    });
}

#[test]
fn a_store_works_across_threads_and_runtimes() {
    let database = Database::new();
    let store = runtime().block_on(database.open());
    let threads = (0..4).map(|_| {
        let store = store.clone();
        thread::spawn(move || {
            runtime().block_on(async {
                for _ in 0..50 {
                    let (id, _) = create(&store, &record("a"), MINUTE).await;
                    assert!(stored(&store, &id).await.is_some());
                }
            });
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}
