use std::{fs, path::Path};

use super::*;

/// The kind and the messages of the error of opening this location.
async fn refused(location: &str) -> (StoreErrorKind, String) {
    let error = SqliteSessionStore::new(location).await.unwrap_err();
    (error.kind(), chain(&error))
}

#[tokio::test]
async fn acknowledged_writes_survive_a_restart() {
    let database = Database::new();
    let store = database.open().await;
    let (id, version) = create(&store, &record("a"), MINUTE).await;
    store.close().await.unwrap();

    let loaded = load(&database.open().await, &id).await.unwrap();
    let record = record("a");
    assert_eq!(loaded, Some(Loaded { record, version }));
}

#[tokio::test]
async fn a_path_and_every_form_of_address_name_the_same_file() {
    let database = Database::new();
    let path = database.path();
    let (id, _) = create(&database.open().await, &record("a"), MINUTE).await;
    for location in [
        format!("sqlite:{path}"),
        format!("sqlite://{path}"),
        format!("sqlite://{path}?mode=rw"),
        format!("file:{path}"),
        format!("file://{path}?mode=rwc"),
    ] {
        let store = SqliteSessionStore::new(location).await.unwrap();
        assert!(stored(&store, &id).await.is_some());
    }
}

#[tokio::test]
async fn a_database_in_memory_belongs_to_one_store() {
    for location in [
        ":memory:",
        "sqlite::memory:",
        "sqlite://name?mode=memory",
        "file::memory:",
        "file::memory:?cache=shared",
        "file:name?mode=memory",
    ] {
        let store = SqliteSessionStore::new(location).await.unwrap();
        let (id, _) = create(&store, &record("a"), MINUTE).await;
        assert!(stored(&store.clone(), &id).await.is_some());
        let other = SqliteSessionStore::new(location).await.unwrap();
        assert!(stored(&other, &id).await.is_none());
    }
}

#[tokio::test]
async fn the_store_can_share_the_database_of_the_application() {
    let database = Database::new();
    let application = database.connection();
    application
        .execute_batch("CREATE TABLE users (name TEXT); PRAGMA user_version = 7")
        .unwrap();
    let store = database.open().await;
    create(&store, &record("a"), MINUTE).await;
    assert_eq!(number(&application, "PRAGMA user_version"), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_the_same_time_create_one_schema() {
    for _ in 0..20 {
        let database = Database::new();
        let opening = (0..8).map(|_| {
            let builder = SqliteSessionStore::builder(database.path());
            tokio::spawn(builder.busy_timeout(MINUTE).build())
        });
        let opening: Vec<_> = opening.collect();
        for store in opening {
            let store = store.await.unwrap().unwrap();
            create(&store, &record("a"), MINUTE).await;
        }
        let versions = "SELECT count(*) FROM sessile_schema";
        assert_eq!(number(&database.connection(), versions), 1);
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_parsed_is_refused() {
    for (location, part) in [
        ("", "is empty"),
        ("sqlite://", "is empty"),
        ("sqlite://x?mode=sideways", "`mode`"),
        ("sqlite://x?mode=rw&timeout=5", "`timeout`"),
        ("file:x?vfs=unix", "`vfs`"),
        ("sqlite:%00.db", "zero byte"),
    ] {
        let (kind, text) = refused(location).await;
        assert_eq!(kind, StoreErrorKind::Misconfigured, "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_written_to_is_refused() {
    let database = Database::new();
    database.open().await.close().await.unwrap();
    let (kind, text) = refused(&format!("sqlite://{}?mode=ro", database.path())).await;
    assert_eq!(kind, StoreErrorKind::Denied, "{text}");
    assert!(text.contains("sessions.db is read-only"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_unchanged() {
    let database = Database::new();
    let garbage = "no database, but a file that is needed".repeat(100);
    fs::write(database.path(), &garbage).unwrap();
    let (kind, text) = refused(&database.path()).await;
    assert_eq!(kind, StoreErrorKind::Incompatible, "{text}");
    assert!(
        text.contains("sessions.db is not an SQLite database"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(database.path()).unwrap(), garbage);
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let database = Database::new();
    let store = database.open().await;
    for _ in 0..100 {
        create(&store, &record("a"), MINUTE).await;
    }
    store.close().await.unwrap();
    let mut bytes = fs::read(database.path()).unwrap();
    bytes[100..4096].fill(0xff);
    fs::write(database.path(), bytes).unwrap();
    let (kind, text) = refused(&database.path()).await;
    assert_eq!(kind, StoreErrorKind::Incompatible, "{text}");
    assert!(text.contains("sessions.db is damaged"), "{text}");
}

#[tokio::test]
async fn a_missing_folder_is_refused_and_not_created() {
    let database = Database::new();
    let (kind, text) = refused(&database.file("missing/sessions.db")).await;
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    assert!(!Path::new(&database.file("missing")).exists());
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_a_clear_message() {
    let database = Database::new();
    database.open().await.close().await.unwrap();
    let newer = "UPDATE sessile_schema SET version = 1000";
    database.connection().execute(newer, []).unwrap();
    let (kind, text) = refused(&database.path()).await;
    assert_eq!(kind, StoreErrorKind::Incompatible);
    let message = "sessions.db has version 1000 of sessile's schema, \
                   and this version of sessile knows 1";
    assert!(text.ends_with(message), "{text}");
}

#[tokio::test]
async fn a_write_waits_for_the_disk_only_if_that_is_set() {
    for (synchronous, expected) in [(SqliteSynchronous::Normal, 1), (SqliteSynchronous::Full, 2)] {
        let database = Database::new();
        let builder = SqliteSessionStore::builder(database.path()).synchronous(synchronous);
        let store = builder.build().await.unwrap();
        let set = on_writer(&store, |writer| Ok(number(writer, "PRAGMA synchronous")));
        assert_eq!(set.await, expected);
    }
}

/// The file can be deleted after the connection that writes was opened.
#[tokio::test]
async fn a_connection_that_reads_creates_no_file() {
    let database = Database::new();
    let store = database.open().await;
    store.close().await.unwrap();
    fs::remove_file(database.path()).unwrap();
    assert!(store.0.options.reader().is_err());
    assert!(!fs::exists(database.path()).unwrap());
}
