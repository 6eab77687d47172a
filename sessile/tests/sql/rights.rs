//! Users without some rights, and read-only servers.

use sessile::storage::{SessionStore as _, StoreErrorKind::Denied};

use crate::{
    engine::{self, Server},
    sql::setup::{built, create, failed, patient, refused, store, update, updated, value},
};

const TABLES: [&str; 2] = ["sessile_sessions", "sessile_sessions_marks"];

const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

#[tokio::test]
async fn four_rights_on_both_tables_are_enough_and_all_are_needed() {
    let server = Server::start().unwrap();
    store(&server).await;
    engine::add_user(&server, "limited");
    let builder = || patient(server.url_as("limited", "word"));
    let (kind, text) = refused(builder()).await;
    assert_eq!(kind, Denied, "{text}");

    for table in TABLES {
        for right in RIGHTS {
            engine::grant(&server, right, table, "limited");
        }
    }
    for table in TABLES {
        for missing in RIGHTS {
            engine::revoke(&server, missing, table, "limited");
            let (kind, text) = refused(builder()).await;
            assert_eq!(kind, Denied, "{text}");
            assert!(text.contains(missing), "{missing}: {text}");
            assert!(text.contains(table), "{table}: {text}");
            engine::grant(&server, missing, table, "limited");
        }
    }

    let store = built(builder().create_table(true)).await;
    let at = create(&store, 1).await;
    let at = updated(&store, &at, 2).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    assert_eq!(store.delete_expired(10).await.unwrap(), 0);
    store.delete(&at.id).await.unwrap();

    // Rights can be revoked while the store is open.
    let at = create(&store, 1).await;
    engine::revoke(&server, "UPDATE", TABLES[0], "limited");
    let error = failed(update(&store, &at, 2).await);
    assert_eq!(error.kind(), Denied);
    assert!(!error.may_have_happened());
    engine::grant(&server, "UPDATE", TABLES[0], "limited");
    updated(&store, &at, 2).await;
}

#[tokio::test]
async fn a_user_who_may_not_create_tables_is_refused() {
    let server = Server::start().unwrap();
    engine::add_user(&server, "limited");
    let builder = patient(server.url_as("limited", "word")).create_table(true);
    let (kind, text) = refused(builder).await;
    assert_eq!(kind, Denied, "{text}");
}

#[tokio::test]
async fn a_read_only_server_is_refused() {
    let server = Server::start().unwrap();
    let writer = store(&server).await;
    let at = create(&writer, 1).await;
    server.execute(engine::READ_ONLY).unwrap();
    engine::until(&server, engine::IS_READ_ONLY);
    let (kind, text) = refused(patient(server.url())).await;
    assert_eq!(kind, Denied, "{text}");
    assert!(text.contains("read-only"), "{text}");

    assert_eq!(failed(update(&writer, &at, 2).await).kind(), Denied);
    assert_eq!(value(&writer, &at).await.unwrap(), Some(1));
    server.execute(engine::WRITABLE).unwrap();
    engine::until(&server, engine::IS_WRITABLE);
    updated(&built(patient(server.url())).await, &at, 2).await;
}
