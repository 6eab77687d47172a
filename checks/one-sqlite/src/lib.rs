//! Sessions in an application that uses SQLite through `sqlx`, `diesel` or `sea-orm`. A program can contain only one
//! SQLite, so their versions have to agree.
#![cfg(test)]

use std::time::Duration;

use diesel::{Connection as _, RunQueryDsl as _};
use sea_orm::ConnectionTrait as _;
use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{Freshness, SessionId, SessionStore as _, SqliteSessionStore, Version},
};
use sqlx::Connection as _;

#[tokio::test]
async fn one_database_is_open_in_all_libraries_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("application.db");
    let path = path.to_str().unwrap();
    let address = format!("sqlite://{path}?mode=rw");

    let store = SqliteSessionStore::new(path).await.unwrap();
    let mut sqlx = sqlx::SqliteConnection::connect(&address).await.unwrap();
    let sea_orm = sea_orm::Database::connect(&address).await.unwrap();
    let mut diesel = diesel::SqliteConnection::establish(path).unwrap();

    sqlx::query("CREATE TABLE users (name TEXT)")
        .execute(&mut sqlx)
        .await
        .unwrap();
    let insert = "INSERT INTO users VALUES ('ferris')";
    sea_orm.execute_unprepared(insert).await.unwrap();
    diesel::sql_query(insert).execute(&mut diesel).unwrap();

    let (id, version) = (SessionId::generate(), Version::generate());
    let record = Record::new(SystemClock.now());
    let minute = Duration::from_secs(60);
    store.create(&id, &record, version, minute).await.unwrap();
    let loaded = store.load(&id, None, Freshness::Current).await.unwrap();
    assert_eq!(loaded.unwrap().record, record);

    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&mut sqlx)
        .await
        .unwrap();
    assert_eq!(users, 2);
    let sessions: i64 = sqlx::query_scalar("SELECT count(*) FROM sessile_sessions")
        .fetch_one(&mut sqlx)
        .await
        .unwrap();
    assert_eq!(sessions, 1);
}
