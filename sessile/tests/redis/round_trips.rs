//! The commands that each operation sends.

use sessile::{
    clock::Timestamp,
    storage::{SessionId, SessionStore as _, SubjectDigest, SubjectStore as _},
};
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{create, store, updated, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_one_command() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    // After this the server knows the script.
    let at = create(&store, 0).await;
    updated(&store, &at, 0).await;
    proxy.take_requests();

    let at = create(&store, 1).await;
    assert_eq!(proxy.take_requests(), ["SET"]);
    value(&store, &at).await.unwrap();
    assert_eq!(proxy.take_requests(), ["GET"]);
    let at = updated(&store, &at, 2).await;
    assert_eq!(proxy.take_requests(), ["EVALSHA"]);
    store.delete(&at.id).await.unwrap();
    assert_eq!(proxy.take_requests(), ["DEL"]);
}

/// For sessions in cookies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_an_ended_session_reads_its_entry_and_the_marks() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let (id, ferris) = (SessionId::generate(), SubjectDigest::of("ferris"));
    let since = Timestamp::from_unix_millis(1);
    proxy.take_requests();
    for (subject, commands) in [(None, 2), (Some(&ferris), 3)] {
        assert!(!store.is_revoked(&id, subject, since).await.unwrap());
        assert_eq!(proxy.take_requests(), vec!["GET"; commands]);
    }
}
