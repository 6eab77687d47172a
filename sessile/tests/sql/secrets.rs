//! What errors and logs must not tell.

use sessile::storage::SessionStore as _;

use crate::{
    engine::{self, Server},
    sql::setup::{MINUTE, create, failed, record, store, whole},
};

#[tokio::test]
async fn errors_and_debug_tell_neither_keys_nor_values() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 4_711_471).await;
    for (change, back) in engine::COMPLAINTS {
        server.execute(change).unwrap();
        let new = record(4_711_472);
        let update = store.update(&at.key, at.version, &new, MINUTE);
        let text = format!("{} {store:?} {at:?}", whole(&failed(update.await)));
        let digest = at.key.secret_digest();
        for secret in ["4711472", at.key.secret(), &digest] {
            assert!(!text.contains(secret), "{change}: {text}");
        }
        server.execute(back).unwrap();
    }
    let builder = format!("{:?}", engine::Store::builder("postgres://u:hunter2@h/d"));
    assert!(!builder.contains("hunter2"), "{builder}");
}
