//! What errors, logs and the tables must not contain.

use sessile::{
    record::Record,
    storage::{SessionStore as _, Version},
};

use crate::{
    engine::{self, Server},
    sql::setup::{MINUTE, create, create_record, failed, record, store, whole},
};

#[tokio::test]
async fn errors_and_debug_contain_no_values() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 4_711_471).await;
    for (change, back) in engine::COMPLAINTS {
        server.execute(change).unwrap();
        let new = record(4_711_472);
        let update = store.update(&at.id, at.version, &new, Version::generate(), MINUTE);
        let error = failed(update.await);
        assert!(!error.may_have_happened());
        let text = format!("{} {store:?}", whole(&error));
        assert!(!text.contains("4711472"), "{change}: {text}");
        server.execute(back).unwrap();
    }
    let builder = format!("{:?}", engine::Store::builder("postgres://u:hunter2@h/d"));
    assert!(!builder.contains("hunter2"), "{builder}");
}

/// The record has only digests of secrets, so the tables open no session.
#[tokio::test]
async fn the_record_is_stored_as_it_encodes_itself() {
    const DIGEST: &str = "EBESExQVFhcYGRobHB0eHw";
    let text = format!(r#"{{"v":3,"c":1,"u":2,"x":3,"p":4,"k":"{DIGEST}","s":{{"a":1}}}}"#);
    let record = Record::decode(text.as_bytes()).unwrap();
    let server = Server::start().unwrap();
    create_record(&store(&server).await, &record, MINUTE)
        .await
        .unwrap();
    let stored = server.execute("SELECT record FROM sessile_sessions");
    assert_eq!(stored.unwrap().trim_end(), record.encode());
    assert!(record.encode().contains(DIGEST));
}
