//! Connections that are cut at the worst moment.

use sessile::storage::{
    Freshness::Current,
    SessionStore as _, StoreError,
    StoreErrorKind::{Unavailable, Unknown},
    UpdateOutcome,
};
use sessile_rig::proxy::{Fault, Proxy};
use tokio::task::JoinHandle;

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        At, built, create, created_at_last, failed, in_time, patient, rows, store, try_create,
        update, updated, value,
    },
};

struct Scene {
    server: Server,
    proxy: Proxy,
    /// Goes through the proxy, on connections that have prepared all statements.
    store: Store,
    /// Goes to the server directly.
    other: Store,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().unwrap();
        let other = store(&server).await;
        let proxy = Proxy::start(server.port()).unwrap();
        let store = built(engine::at_most(patient(server.url_on(proxy.port())), 1)).await;
        let scene = Self {
            server,
            proxy,
            store,
            other,
        };
        scene.warm_up().await;
        scene
    }

    /// Prepares every statement, so that an operation is one request.
    async fn warm_up(&self) {
        let at = created_at_last(&self.store, 0).await;
        value(&self.store, &at).await.unwrap();
        let at = updated(&self.store, &at, 0).await;
        self.store.delete(&at.id).await.unwrap();
    }

    /// Starts to update a record to 2, and returns once that is stored. The reply does not come.
    async fn update_without_a_reply(&self, at: &At) -> UpdateTask {
        self.proxy.inject(Fault::HoldReply);
        let ours = tokio::spawn({
            let (store, at) = (self.store.clone(), at.clone());
            async move { update(&store, &at, 2).await }
        });
        in_time(async {
            while value(&self.other, at).await.unwrap() != Some(2) {
                tokio::task::yield_now().await;
            }
        })
        .await;
        ours
    }

    /// The version of a record now.
    async fn current(&self, at: &At) -> At {
        let loaded = self.other.load(&at.id, None, Current).await;
        At {
            id: at.id.clone(),
            version: loaded.unwrap().unwrap().version,
        }
    }
}

type UpdateTask = JoinHandle<Result<UpdateOutcome, StoreError>>;

/// Cuts in the middle of a request, and before its reply.
fn cuts() -> [Fault; 2] {
    [Fault::CutRequestAfter(20), Fault::CutBeforeReply]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_updates_and_deletes_survive_a_cut() {
    let scene = Scene::new().await;
    let store = &scene.store;
    for cut in cuts() {
        let at = create(store, 1).await;
        scene.proxy.inject(cut.clone());
        assert_eq!(value(store, &at).await.unwrap(), Some(1));
        scene.warm_up().await;

        scene.proxy.inject(cut.clone());
        let at = updated(store, &at, 2).await;
        assert_eq!(value(store, &at).await.unwrap(), Some(2));
        scene.warm_up().await;

        scene.proxy.inject(cut);
        store.delete(&at.id).await.unwrap();
        assert_eq!(rows(&scene.server), 0);
        scene.warm_up().await;
        assert_eq!(scene.proxy.pending_faults(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_is_never_sent_again() {
    let scene = Scene::new().await;
    for (cut, rows_after) in cuts().into_iter().zip([0, 1]) {
        scene.proxy.inject(cut);
        let error = failed(try_create(&scene.store, 1).await);
        assert_eq!(error.kind(), Unavailable);
        assert!(error.may_have_happened());
        assert_eq!(rows(&scene.server), rows_after);
        scene.warm_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_update_finds_what_its_first_attempt_stored() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    let ours = scene.update_without_a_reply(&at).await;
    scene.proxy.cut();
    let outcome = in_time(ours).await.unwrap().unwrap();
    assert_eq!(outcome, UpdateOutcome::Updated);
    updated(&scene.other, &scene.current(&at).await, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_update_that_finds_another_version_or_nothing_is_unknown() {
    let scene = Scene::new().await;
    for is_deleted in [false, true] {
        let at = create(&scene.store, 1).await;
        let ours = scene.update_without_a_reply(&at).await;
        match is_deleted {
            true => scene.other.delete(&at.id).await.unwrap(),
            false => {
                updated(&scene.other, &scene.current(&at).await, 3).await;
            }
        }
        scene.proxy.cut();

        // A conflict would make the engine apply the change a second time.
        let error = failed(in_time(ours).await.unwrap());
        assert_eq!(error.kind(), Unknown);
        assert!(error.may_have_happened());
        let expected = (!is_deleted).then_some(3);
        assert_eq!(value(&scene.other, &at).await.unwrap(), expected);
        scene.warm_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_was_sent_once_reports_conflicts_and_missing_records() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    updated(&scene.other, &at, 2).await;
    let outcome = update(&scene.store, &at, 3).await.unwrap();
    assert_eq!(outcome, UpdateOutcome::Conflict);
    scene.other.delete(&at.id).await.unwrap();
    let outcome = update(&scene.store, &at, 3).await.unwrap();
    assert_eq!(outcome, UpdateOutcome::Missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_reply_reaches_no_other_operation() {
    let scene = Scene::new().await;
    let (one, other) = (create(&scene.store, 1).await, create(&scene.store, 2).await);
    for _ in 0..20 {
        scene.proxy.stall();
        // Dropped as soon as it was sent.
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
