//! The table: made on request, printed, and looked at before it is used.

use sessile::storage::{
    SessionStore as _,
    StoreErrorKind::{Corrupt, Incompatible, Misconfigured},
};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{built, create, failed, in_time, patient, refused, rows, store, value},
};

#[tokio::test]
async fn a_table_is_not_made_unless_that_is_asked_for() {
    let server = Server::start().unwrap();
    let (kind, text) = refused(patient(server.url())).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("create_table(true)"), "{text}");
    assert!(text.contains("CREATE TABLE"), "{text}");

    store(&server).await;
    // Made once, it is used by who doesn't ask and by who does.
    let at = create(&built(patient(server.url())).await, 1).await;
    assert_eq!(value(&store(&server).await, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn what_is_printed_makes_the_table() {
    let server = Server::start().unwrap();
    server
        .execute(&engine::as_user(&Store::schema_sql()))
        .unwrap();
    let builder = patient(server.url());
    assert_eq!(builder.schema_sql().unwrap(), Store::schema_sql());
    create(&built(builder).await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_agree_on_the_table() {
    let server = Server::start().unwrap();
    for round in 0..3 {
        let opening = (0..8).map(|_| {
            let builder = patient(server.url())
                .table(format!("t{round}"))
                .create_table(true);
            tokio::spawn(async move { built(builder).await })
        });
        for store in opening.collect::<Vec<_>>() {
            create(&store.await.unwrap(), 1).await;
        }
        let count = format!("SELECT count(*) FROM t{round}");
        assert_eq!(server.execute(&count).unwrap(), "8\n");
    }
}

#[tokio::test]
async fn names_of_any_length_work_and_what_is_no_name_is_refused() {
    let server = Server::start().unwrap();
    let longest = "t".repeat(engine::LONGEST_NAME);
    let builder = patient(server.url()).table(&longest).create_table(true);
    assert!(builder.schema_sql().unwrap().contains(&longest));
    create(&built(builder).await, 1).await;

    let too_long = "t".repeat(engine::LONGEST_NAME + 1);
    for name in ["", "a b", "a\"b", "a`b", "a'b", "1a", "a.b", "ä", &too_long] {
        let (kind, _) = refused(Store::builder(server.url()).table(name)).await;
        assert_eq!(kind, Misconfigured, "{name}");
        let (kind, _) = refused(Store::builder(server.url()).schema(name)).await;
        assert_eq!(kind, Misconfigured, "{name}");
        let printed = Store::builder(server.url()).table(name).schema_sql();
        assert_eq!(failed(printed).kind(), Misconfigured);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let server = Server::start().unwrap();
    store(&server).await;
    server
        .execute(&engine::comment("sessile schema 1000"))
        .unwrap();
    let builder = patient(server.url()).create_table(true);
    let (kind, text) = refused(builder).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("version 1000"), "{text}");
}

#[tokio::test]
async fn a_table_without_a_comment_is_one_of_the_first_version() {
    let server = Server::start().unwrap();
    store(&server).await;
    for comment in ["", "who is logged in"] {
        server.execute(&engine::comment(comment)).unwrap();
        create(&built(patient(server.url())).await, 1).await;
    }
}

#[tokio::test]
async fn a_table_of_another_shape_is_refused_with_what_differs() {
    let server = Server::start().unwrap();
    for (change, expected) in engine::SHAPES {
        store(&server).await;
        server.execute(change).unwrap();
        let (kind, text) = refused(patient(server.url()).create_table(true)).await;
        assert_eq!(kind, Incompatible, "{change}: {text}");
        assert!(text.contains(expected), "{change}: {text}");
        server.execute("DROP TABLE sessile_sessions").unwrap();
    }
}

#[tokio::test]
async fn columns_of_the_applications_own_do_no_harm() {
    let server = Server::start().unwrap();
    store(&server).await;
    let add = "ALTER TABLE sessile_sessions ADD COLUMN seen int";
    server.execute(add).unwrap();
    let store = built(patient(server.url())).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_table_that_changes_under_a_store_is_an_error_and_not_an_empty_session() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    value(&store, &at).await.unwrap();
    server
        .execute("ALTER TABLE sessile_sessions ADD COLUMN seen int")
        .unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    server.execute(engine::RENAME_COLUMN).unwrap();
    assert_eq!(failed(value(&store, &at).await).kind(), Incompatible);
    server.execute("DROP TABLE sessile_sessions").unwrap();
    assert_eq!(failed(value(&store, &at).await).kind(), Incompatible);
}

#[tokio::test]
async fn what_is_no_record_is_corrupt_and_stays() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    for garbage in ["garbage", "", "17", "{}", "ä"] {
        let change = format!("UPDATE sessile_sessions SET record = '{garbage}'");
        server.execute(&change).unwrap();
        assert_eq!(
            failed(value(&store, &at).await).kind(),
            Corrupt,
            "{garbage}"
        );
    }
    assert_eq!(rows(&server), 1);
}

#[tokio::test]
async fn every_character_comes_back_as_it_was() {
    let server = Server::start().unwrap();
    for store in [
        store(&server).await,
        in_time(Store::new_pooled(engine::odd_pool(&server).await))
            .await
            .unwrap(),
    ] {
        let mut record = crate::sql::setup::record(1);
        let text = "Zoë 🦀 \u{1}\u{7f}\u{ffff} ' \" \\ % \u{10ffff}";
        record.state.insert("text", text).unwrap();
        record.state.insert("long", &"🦀".repeat(100_000)).unwrap();
        let stored = store
            .create(&record, crate::sql::setup::MINUTE)
            .await
            .unwrap();
        let loaded = store.load(&stored.key).await.unwrap().unwrap();
        assert_eq!(loaded.record, record);
    }
}
