//! Connections that are cut at the worst moment. What is counted up is neither lost nor doubled.

use sessile::storage::{SessionStore as _, StoreErrorKind::Unavailable, Swap};
use sessile_rig::proxy::{Fault, Proxy};

use crate::{
    engine::{Server, Store},
    sql::setup::{
        MINUTE, built, create, failed, in_time, patient, record, renew, rows, store, stored,
        update, value, whole,
    },
};

struct Scene {
    server: Server,
    proxy: Proxy,
    /// Goes through the proxy, on one connection that knows all statements.
    store: Store,
    /// Doesn't.
    other: Store,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().unwrap();
        let other = store(&server).await;
        let proxy = Proxy::start(server.port()).unwrap();
        let store = built(patient(server.url_on(proxy.port())).connections(1)).await;
        let scene = Self {
            server,
            proxy,
            store,
            other,
        };
        scene.warm_up().await;
        scene
    }

    /// Every statement is prepared after that: an operation is one request.
    async fn warm_up(&self) {
        let at = create(&self.store, 0).await;
        value(&self.store, &at).await.unwrap();
        let at = stored(update(&self.store, &at, 0).await);
        self.store.delete(&at.key).await.unwrap();
    }
}

/// Cuts in the middle of a request, and after it was done.
fn cuts() -> [Fault; 2] {
    [Fault::CutRequestAfter(20), Fault::CutBeforeReply]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_made_up_for() {
    let scene = Scene::new().await;
    let store = &scene.store;
    for cut in cuts() {
        scene.proxy.inject(cut.clone());
        let at = create(store, 1).await;
        assert_eq!(rows(&scene.server), 1, "it was created twice");
        scene.warm_up().await;

        scene.proxy.inject(cut.clone());
        assert_eq!(value(store, &at).await.unwrap(), Some(1));
        scene.warm_up().await;

        scene.proxy.inject(cut.clone());
        let updated = stored(update(store, &at, 2).await);
        assert_eq!(value(store, &updated).await.unwrap(), Some(2));
        scene.warm_up().await;

        scene.proxy.inject(cut.clone());
        let renewed = stored(renew(store, &updated, 3).await);
        assert_eq!(value(store, &renewed).await.unwrap(), Some(3));
        assert_eq!(value(store, &updated).await.unwrap(), None);
        scene.warm_up().await;

        scene.proxy.inject(cut);
        store.delete(&renewed.key).await.unwrap();
        assert_eq!(rows(&scene.server), 0);
        scene.warm_up().await;
        assert_eq!(scene.proxy.pending_faults(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_may_have_been_overtaken_is_not_reported_as_a_conflict() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;

    // Our update arrives, and the answer does not. Before we ask again, somebody goes on from it.
    scene.proxy.inject(Fault::HoldReply);
    let ours = tokio::spawn({
        let (store, at) = (scene.store.clone(), at.clone());
        async move { update(&store, &at, 2).await }
    });
    in_time(async {
        while value(&scene.other, &at).await.unwrap() != Some(2) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let seen = scene.other.load(&at.key).await.unwrap().unwrap();
    let theirs = record(3);
    let theirs = scene.other.update(&at.key, seen.version, &theirs, MINUTE);
    assert!(matches!(theirs.await, Ok(Swap::Stored(_))));
    scene.proxy.cut();

    // "Conflict" would make the engine apply the change once more.
    let error = failed(in_time(ours).await.unwrap());
    assert_eq!(error.kind(), Unavailable);
    assert!(whole(&error).contains("may have been"), "{}", whole(&error));
    assert_eq!(value(&scene.other, &at).await.unwrap(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_without_a_cut_is_one_and_so_is_that_of_a_renewal() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    stored(update(&scene.other, &at, 2).await);
    let updated = update(&scene.store, &at, 3).await;
    assert!(matches!(updated, Ok(Swap::Conflict)), "{updated:?}");
    for cut in cuts() {
        scene.warm_up().await;
        scene.proxy.inject(cut);
        let renewed = renew(&scene.store, &at, 3).await;
        assert!(matches!(renewed, Ok(Swap::Conflict)), "{renewed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_late_finds_nobody() {
    let scene = Scene::new().await;
    let (one, other) = (create(&scene.store, 1).await, create(&scene.store, 2).await);
    for _ in 0..20 {
        scene.proxy.stall();
        // Given up once it was sent.
        {
            let mut given_up = Box::pin(value(&scene.store, &one));
            let polled =
                std::future::poll_fn(|cx| std::task::Poll::Ready(given_up.as_mut().poll(cx)));
            assert!(polled.await.is_pending());
        }
        scene.proxy.resume();
        assert_eq!(value(&scene.store, &other).await.unwrap(), Some(2));
    }
}
