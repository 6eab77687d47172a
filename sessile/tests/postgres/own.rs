//! What only PostgreSQL has.

use sessile::storage::StoreErrorKind::{Incompatible, Misconfigured};

use crate::{
    engine::{self, Server},
    sql::setup::{built, create, patient, refused, rows, store, stored, update, value},
};

#[tokio::test]
async fn a_database_that_is_not_encoded_in_utf_8_is_refused() {
    let server = Server::start().unwrap();
    server
        .execute(
            "CREATE DATABASE old ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 OWNER sessile",
        )
        .unwrap();
    let address = server
        .url()
        .replace("/sessile", "/old")
        .replace("//old", "//sessile");
    let (kind, text) = refused(patient(address).create_table(true)).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("LATIN1"), "{text}");
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_refused() {
    let server = Server::start().unwrap();
    let builder = patient(server.url()).schema("nowhere").create_table(true);
    let (kind, text) = refused(builder).await;
    assert_eq!(kind, Misconfigured, "{text}");
    assert!(text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn the_table_is_found_by_the_users_search_path() {
    let server = Server::start().unwrap();
    server.execute(engine::CREATE_SCHEMA).unwrap();
    let path = "ALTER ROLE sessile SET search_path = \"Some_schema\", public";
    server.execute(path).unwrap();
    create(&store(&server).await, 1).await;
    let there = "SELECT count(*) FROM \"Some_schema\".sessile_sessions";
    assert_eq!(server.execute(there).unwrap(), "1\n");
}

#[tokio::test]
async fn cleaning_up_waits_for_nobody() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    server.execute(&engine::insert_expired(10)).unwrap();
    let pool = engine::pool(&server).await;
    let mut somebody = pool.begin().await.unwrap();
    let locks = "SELECT FROM sessile_sessions WHERE expires_at <= 3 FOR UPDATE";
    sqlx::query(locks).execute(&mut *somebody).await.unwrap();
    assert_eq!(store.delete_expired(10).await.unwrap(), 7);
    somebody.rollback().await.unwrap();
    assert_eq!(store.delete_expired(10).await.unwrap(), 3);
}

#[tokio::test]
async fn an_update_that_changes_nothing_leaves_no_dead_row() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    stored(update(&store, &at, 2).await);
    let place = || server.execute("SELECT ctid FROM sessile_sessions").unwrap();
    let before = place();
    for _ in 0..3 {
        update(&store, &at, 3).await.unwrap();
    }
    assert_eq!(place(), before);
    assert_eq!(rows(&server), 1);
}

#[tokio::test]
async fn a_unix_socket_will_do() {
    let server = Server::start().unwrap();
    let folder = server.folder().display();
    let address = format!(
        "postgres:///sessile?host={folder}&port={}&user=sessile",
        server.port()
    );
    let store = built(patient(address).create_table(true)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}
