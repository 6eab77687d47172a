//! Users who may not do everything, and servers on which nobody may.

use sessile::storage::{SessionStore as _, StoreErrorKind::Denied};

use crate::{
    engine::{self, Server},
    sql::setup::{built, create, failed, patient, refused, renew, store, stored, update, value},
};

const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

#[tokio::test]
async fn four_rights_are_enough_and_none_can_be_missing() {
    let server = Server::start().unwrap();
    store(&server).await;
    engine::add_user(&server, "limited");
    let builder = || patient(server.url_as("limited", "word"));
    let (kind, text) = refused(builder()).await;
    assert_eq!(kind, Denied, "{text}");

    for missing in RIGHTS {
        for right in RIGHTS {
            if right != missing {
                engine::grant(&server, right, "limited");
            }
        }
        let (kind, text) = refused(builder()).await;
        assert_eq!(kind, Denied, "{text}");
        assert!(text.contains(missing), "{missing}: {text}");
        for right in RIGHTS {
            if right != missing {
                engine::revoke(&server, right, "limited");
            }
        }
    }

    for right in RIGHTS {
        engine::grant(&server, right, "limited");
    }
    let store = built(builder().create_table(true)).await;
    let at = create(&store, 1).await;
    let at = stored(update(&store, &at, 2).await);
    let at = stored(renew(&store, &at, 3).await);
    assert_eq!(value(&store, &at).await.unwrap(), Some(3));
    assert_eq!(store.delete_expired(10).await.unwrap(), 0);
    store.delete(&at.key).await.unwrap();

    // A right that is taken away later is an error of its own kind.
    engine::revoke(&server, "UPDATE", "limited");
    let at = create(&store, 1).await;
    let error = failed(update(&store, &at, 2).await);
    assert_eq!(error.kind(), Denied);
    engine::grant(&server, "UPDATE", "limited");
    stored(update(&store, &at, 2).await);
}

#[tokio::test]
async fn who_may_not_make_a_table_is_told_so() {
    let server = Server::start().unwrap();
    engine::add_user(&server, "limited");
    let builder = patient(server.url_as("limited", "word")).create_table(true);
    let (kind, text) = refused(builder).await;
    assert_eq!(kind, Denied, "{text}");
}

#[tokio::test]
async fn a_server_that_is_read_only_is_refused_and_told() {
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
    stored(update(&built(patient(server.url())).await, &at, 2).await);
}
