//! Counting over connections that are cut again and again.

use sessile::{
    engine::{SealingKey, SessionManager},
    storage::{SessionStore as _, StoreErrorKind::Unavailable},
};
use sessile_rig::proxy::{Fault, Proxy};

use crate::{
    engine::{self, Server, Store},
    race_suite::commit,
    sql::{
        apps::{new_session, patient},
        setup::{built, create, created_at_last, failed, store, update, updated, value},
    },
};

struct Scene {
    _server: Server,
    proxy: Proxy,
    /// Goes through the proxy, on one connection.
    store: Store,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().unwrap();
        store(&server).await;
        let proxy = Proxy::start(server.port()).unwrap();
        let builder = crate::sql::setup::patient(server.url_on(proxy.port()));
        let store = built(engine::at_most(builder, 1)).await;
        Self {
            _server: server,
            proxy,
            store,
        }
    }

    /// Cuts the connection of the next request. Every statement is prepared, so it is an operation.
    async fn cut(&self, cut: &Fault) {
        assert_eq!(self.proxy.pending_faults(), 0, "the last cut was not made");
        let at = created_at_last(&self.store, 0).await;
        value(&self.store, &at).await.unwrap();
        let at = updated(&self.store, &at, 0).await;
        self.store.delete(&at.id).await.unwrap();
        self.proxy.inject(cut.clone());
    }
}

/// Cuts in the middle of a request, when it has arrived, and before its reply.
const CUTS: [Fault; 3] = [
    Fault::CutRequestAfter(20),
    Fault::CutRequestAfter(usize::MAX),
    Fault::CutBeforeReply,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_counted_once_however_often_connections_are_cut() {
    let scene = Scene::new().await;
    let app = SessionManager::new(scene.store.clone(), SealingKey::generate(), patient()).unwrap();
    let cookie = new_session(&app).await;
    for before in 0..90 {
        let session = app.open([cookie.as_bytes()]).await.unwrap();
        assert_eq!(session.get("n").unwrap().unwrap_or(0), before);
        session.update_or("n", 1, |n: usize| n + 1).unwrap();
        scene.cut(&CUTS[before % 3]).await;
        commit(&app, &session).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_is_cut_twice_is_an_error() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    scene.cut(&Fault::CutBeforeReply).await;
    scene.proxy.inject(Fault::CutBeforeReply);
    let error = failed(update(&scene.store, &at, 2).await);
    assert_eq!(error.kind(), Unavailable);
    assert!(error.may_have_happened());
    // The first attempt was stored.
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(2));
}
