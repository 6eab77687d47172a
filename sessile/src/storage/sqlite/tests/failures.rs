use sqlx::Connection as _;

use super::*;

/// Sets the column `record` of the only row to this SQL value.
async fn overwrite_record(database: &Database, value: &str) {
    let statement = format!("UPDATE sessile_sessions SET record = {value}");
    let mut connection = database.connection().await;
    let statement = sqlx::AssertSqlSafe(statement);
    connection.execute(statement).await.unwrap();
}

#[tokio::test]
async fn what_is_not_a_record_is_corrupt_and_is_kept() {
    let database = Database::new();
    let store = database.open().await;
    let (id, version) = create(&store, &record("a"), MINUTE).await;
    for garbage in ["'garbage'", "x'fffe'", "17", "''"] {
        overwrite_record(&database, garbage).await;
        let error = load(&store, &id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{garbage}");
        let created = store.create(&id, &record("b"), version, MINUTE).await;
        assert_eq!(created.unwrap(), CreateOutcome::Taken);
    }
    store.delete(&id).await.unwrap();
    assert_eq!(stored(&store, &id).await, None);
}

#[tokio::test]
async fn a_record_of_a_later_version_is_newer() {
    let database = Database::new();
    let store = database.open().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    for newer in [
        r#"'{"v":4}'"#,
        r#"'{"v":3,"c":1,"u":1,"x":9,"p":4,"s":{},"later":1,"crit":["later"]}'"#,
    ] {
        overwrite_record(&database, newer).await;
        let error = load(&store, &id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Newer, "{newer}");
    }
}

#[tokio::test]
async fn errors_and_debug_output_show_no_values() {
    let database = Database::new();
    let store = database.open().await;
    let (id, _) = create(&store, &record("4111"), MINUTE).await;
    overwrite_record(&database, r#"'{"s": "4111"}'"#).await;
    let error = load(&store, &id).await.unwrap_err();
    let text = format!("{error:?} {} {store:?}", chain(&error));
    assert!(!text.contains("4111"), "{text}");
}

#[tokio::test]
async fn a_table_of_another_shape_is_an_error() {
    let database = Database::new();
    let store = database.open().await;
    let renamed = "ALTER TABLE sessile_sessions RENAME COLUMN record TO other";
    execute(&store, renamed).await;
    let error = load(&store, &SessionId::generate()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
}

#[tokio::test]
async fn a_closed_store_sends_nothing() {
    let (_, store) = in_memory().await;
    store.close().await.unwrap();
    let error = load(&store, &SessionId::generate()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn a_locked_database_can_be_read_and_refuses_writes_in_time() {
    let database = Database::new();
    let builder = || {
        let builder = SqliteSessionStore::builder(database.path());
        builder.busy_timeout(Duration::from_millis(1))
    };
    let store = builder().build().await.unwrap();
    let session = create(&store, &record("a"), MINUTE).await;

    let mut other = database.connection().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = update(&store, &session, &record("b"), MINUTE).await;
    let error = error.unwrap_err();
    let text = chain(&error);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{text}");
    assert!(!error.may_have_happened(), "{text}");
    assert_eq!(stored(&store, &session.0).await, Some(record("a")));
    let error = builder().build().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);

    lock.rollback().await.unwrap();
    create(&store, &record("b"), MINUTE).await;
}

/// Each refusal comes at another point: before the statement, during it, and when its change is made.
#[tokio::test]
async fn a_refused_write_is_marked_as_not_sent() {
    const READ_ONLY: &str = "PRAGMA query_only = ON";
    const FULL: &str = "PRAGMA max_page_count = 1";
    const CONSTRAINT_AT_COMMIT: &str = "
        CREATE TABLE parents (id INTEGER PRIMARY KEY);
        CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER orphan AFTER UPDATE ON sessile_sessions BEGIN
            INSERT INTO children VALUES (1);
        END;";
    for (refusal, kind) in [
        (READ_ONLY, StoreErrorKind::Denied),
        (FULL, StoreErrorKind::Unavailable),
        (CONSTRAINT_AT_COMMIT, StoreErrorKind::Unavailable),
    ] {
        let (_, store) = in_memory().await;
        let session = create(&store, &record("a"), MINUTE).await;
        execute(&store, refusal).await;
        let long = record(&"b".repeat(100_000));
        let error = update(&store, &session, &long, MINUTE).await.unwrap_err();
        let text = chain(&error);
        assert_eq!(error.kind(), kind, "{text}");
        assert!(!error.may_have_happened(), "{text}");
        assert_eq!(stored(&store, &session.0).await, Some(record("a")));
    }
}
