//! The metrics of a store on a database server.

use sessile::{
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
};

use crate::{
    engine::{self, BACKEND, Server},
    recorded::Recorded,
    sql::setup::{built, create, created_at_last, failed, in_time, patient, store, try_create},
};

#[tokio::test]
async fn operations_and_deleted_rows_are_counted() {
    let server = Server::start().unwrap();
    let recorded = Recorded::start();
    let store = store(&server).await;
    let manager =
        SessionManager::new(store.clone(), SealingKey::generate(), Settings::default()).unwrap();
    let session = manager.open([]).await.unwrap();
    session.insert("value", 1).unwrap();
    let head = ResponseHead::to("POST");
    let committing = manager.commit(&session, &head);
    let cookie = in_time(committing).await.unwrap().set_cookie.unwrap();
    let cookie = cookie.as_str().split(';').next().unwrap();
    in_time(manager.open([cookie.as_bytes()])).await.unwrap();
    assert_eq!(
        recorded.take("store_operation"),
        [
            "store_operation_duration_seconds create ok 1",
            "store_operation_duration_seconds load ok 1",
        ]
    );

    server.execute(&engine::insert_expired(5)).unwrap();
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    let cleaned = format!("cleaned_rows_total {BACKEND} 3");
    assert_eq!(recorded.take("cleaned"), [cleaned]);
}

#[tokio::test]
async fn attempts_to_connect_and_waits_for_a_connection_are_counted() {
    let mut server = Server::start().unwrap();
    let recorded = Recorded::start();
    let store = built(engine::at_most(patient(server.url()).create_table(true), 1)).await;
    create(&store, 1).await;
    let connects = |outcome: &str| -> u32 {
        let lines = recorded.take(&format!("connects_total {BACKEND}{outcome}"));
        let counts = lines.iter().filter_map(|it| it.rsplit(' ').next());
        counts.map(|count| count.parse::<u32>().unwrap()).sum()
    };
    // Of reads and writes, and of the checks when it was opened.
    assert!((1..=3).contains(&connects(" connected")));
    create(&store, 2).await;
    assert_eq!(connects(""), 0);

    server.kill().unwrap();
    failed(in_time(try_create(&store, 3)).await);
    failed(in_time(try_create(&store, 3)).await);
    assert!(connects(" failed") > 0);
    server.restart().unwrap();
    created_at_last(&store, 4).await;
    let waits = recorded.take("connection_wait");
    assert!(waits[0].starts_with(&format!("connection_wait_seconds {BACKEND} ")));
}
