//! The tables: created on request, printed, and checked before they are used.

use sessile::storage::{
    Freshness::Current,
    SessionStore as _,
    StoreErrorKind::{Corrupt, Incompatible, Misconfigured, Newer},
};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        MINUTE, built, create, create_record, failed, in_time, patient, record, refused, rows,
        store, value,
    },
};

#[tokio::test]
async fn tables_are_created_only_on_request() {
    let server = Server::start().unwrap();
    let (kind, text) = refused(patient(server.url())).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("create_table(true)"), "{text}");
    assert!(text.contains("CREATE TABLE"), "{text}");

    store(&server).await;
    // Existing tables are used with and without `create_table`.
    let at = create(&built(patient(server.url())).await, 1).await;
    assert_eq!(value(&store(&server).await, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn the_printed_schema_creates_the_tables() {
    let server = Server::start().unwrap();
    server
        .execute(&engine::as_user(&Store::schema_sql()))
        .unwrap();
    let builder = patient(server.url());
    assert_eq!(builder.schema_sql().unwrap(), Store::schema_sql());
    create(&built(builder).await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_agree_on_the_tables() {
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
async fn the_longest_names_work_and_invalid_names_are_refused() {
    let server = Server::start().unwrap();
    let longest = "t".repeat(engine::LONGEST_TABLE);
    let builder = patient(server.url()).table(&longest).create_table(true);
    assert!(builder.schema_sql().unwrap().contains(&longest));
    create(&built(builder).await, 1).await;

    let too_long = "t".repeat(engine::LONGEST_TABLE + 1);
    for name in [
        "",
        "a b",
        "a\"b",
        "a`b",
        "a'b",
        "1a",
        "a.b",
        "ä",
        &"t".repeat(100),
    ] {
        let (kind, _) = refused(Store::builder(server.url()).table(name)).await;
        assert_eq!(kind, Misconfigured, "{name}");
        let (kind, _) = refused(engine::in_schema(Store::builder(server.url()), name)).await;
        assert_eq!(kind, Misconfigured, "{name}");
        let printed = Store::builder(server.url()).table(name).schema_sql();
        assert_eq!(failed(printed).kind(), Misconfigured);
    }
    let (kind, _) = refused(Store::builder(server.url()).table(too_long)).await;
    assert_eq!(kind, Misconfigured);
}

#[tokio::test]
async fn a_missing_table_of_marks_is_created_beside_the_sessions() {
    let server = Server::start().unwrap();
    let at = create(&store(&server).await, 1).await;
    server.execute("DROP TABLE sessile_sessions_marks").unwrap();
    let (kind, text) = refused(patient(server.url())).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("sessile_sessions_marks"), "{text}");
    assert_eq!(value(&store(&server).await, &at).await.unwrap(), Some(1));
    built(patient(server.url())).await;
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
async fn a_table_without_a_version_in_its_comment_has_the_first_one() {
    let server = Server::start().unwrap();
    store(&server).await;
    for comment in ["", "signed-in users"] {
        server.execute(&engine::comment(comment)).unwrap();
        create(&built(patient(server.url())).await, 1).await;
    }
}

#[tokio::test]
async fn a_table_of_another_shape_is_refused_with_the_difference() {
    let server = Server::start().unwrap();
    for (change, expected) in engine::SHAPES {
        store(&server).await;
        server.execute(change).unwrap();
        let (kind, text) = refused(patient(server.url()).create_table(true)).await;
        assert_eq!(kind, Incompatible, "{change}: {text}");
        assert!(text.contains(expected), "{change}: {text}");
        let drop = "DROP TABLE sessile_sessions; DROP TABLE sessile_sessions_marks";
        server.execute(drop).unwrap();
    }
}

#[tokio::test]
async fn additional_columns_do_no_harm() {
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
async fn a_corrupt_or_newer_record_is_an_error_and_stays() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    for (text, kind) in [
        ("garbage", Corrupt),
        ("", Corrupt),
        ("17", Corrupt),
        ("{}", Corrupt),
        ("ä", Corrupt),
        ("{\"v\":1000}", Newer),
    ] {
        let change = format!("UPDATE sessile_sessions SET record = '{text}'");
        server.execute(&change).unwrap();
        assert_eq!(failed(value(&store, &at).await).kind(), kind, "{text}");
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
        let mut record = record(1);
        let text = "Zoë 🦀 \u{1}\u{7f}\u{ffff} ' \" \\ % \u{10ffff}";
        record.state.insert("text", text).unwrap();
        record.state.insert("long", &"🦀".repeat(100_000)).unwrap();
        let at = create_record(&store, &record, MINUTE).await.unwrap();
        let loaded = store.load(&at.id, None, Current).await.unwrap().unwrap();
        assert_eq!(loaded.record, record);
    }
}
