//! Connections that are cut at the worst moment, and servers that answer with errors. Each ends in
//! success or a typed error, and what is counted up is neither lost nor doubled.

use sessile::storage::{
    RedisSessionStore, SessionStore as _,
    StoreErrorKind::{self, Unavailable},
    Swap,
};
use sessile_rig::{
    proxy::{Fault, Proxy},
    redis::Redis,
};

use crate::setup::{
    MINUTE, create, failed, in_time, kind, record, renew, store, stored, update, value, whole,
};

struct Scene {
    redis: Redis,
    proxy: Proxy,
    /// Goes through the proxy.
    store: RedisSessionStore,
    /// Doesn't.
    other: RedisSessionStore,
}

impl Scene {
    async fn new() -> Self {
        let redis = Redis::start().unwrap();
        let proxy = Proxy::start(redis.port()).unwrap();
        let store = store(format!("redis://127.0.0.1:{}", proxy.port())).await;
        let other = crate::setup::store(redis.url()).await;
        // The server has seen the scripts.
        let at = create(&other, 0).await;
        stored(update(&other, &at, 0).await);
        other.delete(&at.key).await.unwrap();
        Self {
            redis,
            proxy,
            store,
            other,
        }
    }

    /// How many sessions there are.
    fn count(&self) -> i64 {
        let size = self.redis.command(&["DBSIZE"]).unwrap();
        size.integer().unwrap()
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
        scene.proxy.inject_on("EVALSHA", cut.clone());
        let at = create(store, 1).await;
        assert_eq!(scene.count(), 1, "{cut:?}");

        scene.proxy.inject_on("GET", cut.clone());
        assert_eq!(value(store, &at).await.unwrap(), Some(1));

        scene.proxy.inject_on("EVALSHA", cut.clone());
        let at = stored(update(store, &at, 2).await);
        scene.proxy.inject_on("EVALSHA", cut.clone());
        let renewed = stored(renew(store, &at, 3).await);
        assert_eq!(value(store, &at).await.unwrap(), None);
        assert_eq!(value(store, &renewed).await.unwrap(), Some(3));

        scene.proxy.inject_on("DEL", cut);
        store.delete(&renewed.key).await.unwrap();
        assert_eq!(scene.count(), 0);
        assert_eq!(scene.proxy.pending_faults(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cuts_are_one_too_many_and_told() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    for cut in cuts() {
        for _ in 0..2 {
            scene.proxy.inject_on("EVALSHA", cut.clone());
        }
        assert_eq!(kind(update(&scene.store, &at, 2).await), Unavailable);
    }
    // The first of them was done, once.
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_may_have_been_overtaken_is_not_reported_as_a_conflict() {
    let scene = Scene::new().await;
    let at = create(&scene.other, 1).await;

    // Our update arrives, and the answer does not. Before we ask again, somebody goes on from it.
    scene.proxy.inject_on("EVALSHA", Fault::HoldReply);
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
    let theirs = scene
        .other
        .update(&at.key, seen.version, &record(3), MINUTE)
        .await;
    assert!(matches!(theirs, Ok(Swap::Stored(_))));
    scene.proxy.cut();

    // "Conflict" would make the engine apply the change once more.
    let error = failed(in_time(ours).await.unwrap());
    assert_eq!(error.kind(), Unavailable);
    assert!(whole(&error).contains("may have been"), "{}", whole(&error));
    assert_eq!(value(&scene.other, &at).await.unwrap(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_without_a_cut_is_one() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    stored(update(&scene.other, &at, 2).await);
    assert!(matches!(
        update(&scene.store, &at, 3).await,
        Ok(Swap::Conflict)
    ));
    scene.proxy.inject_on("EVALSHA", Fault::CutBeforeReply);
    assert!(matches!(
        renew(&scene.store, &at, 3).await,
        Ok(Swap::Conflict)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_server_are_typed_and_leave_everything_as_it_was() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let at = create(store, 1).await;
    for (answer, expected) in [
        (
            "LOADING Redis is loading the dataset in memory",
            Unavailable,
        ),
        ("BUSY Redis is busy running a script.", Unavailable),
        (
            "OOM command not allowed when used memory > 'maxmemory'.",
            Unavailable,
        ),
        (
            "CLUSTERDOWN The cluster is down",
            StoreErrorKind::Misconfigured,
        ),
        ("MOVED 42 127.0.0.1:1", StoreErrorKind::Misconfigured),
        ("ASK 42 127.0.0.1:1", StoreErrorKind::Misconfigured),
        (
            "TRYAGAIN Multiple keys request during rehashing of slot",
            Unavailable,
        ),
        ("MASTERDOWN Link with MASTER is down", Unavailable),
        (
            "MISCONF Redis is configured to save RDB snapshots",
            Unavailable,
        ),
        ("NOREPLICAS Not enough good replicas to write.", Unavailable),
        ("NOAUTH Authentication required.", StoreErrorKind::Denied),
        (
            "NOPERM this user has no permissions",
            StoreErrorKind::Denied,
        ),
        ("ERR unknown command", StoreErrorKind::Incompatible),
        ("WRONGTYPE Operation against a key", StoreErrorKind::Corrupt),
        ("STRANGE what no server says", Unavailable),
    ] {
        let inject = |command| scene.proxy.inject_on(command, Fault::error(answer));
        inject("GET");
        assert_eq!(kind(value(store, &at).await), expected, "{answer}");
        inject("EVALSHA");
        assert_eq!(kind(update(store, &at, 9).await), expected, "{answer}");
        inject("EVALSHA");
        assert_eq!(kind(renew(store, &at, 9).await), expected, "{answer}");
        inject("EVALSHA");
        assert_eq!(kind(store.create(&record(9), MINUTE).await), expected);
        inject("DEL");
        assert_eq!(kind(store.delete(&at.key).await), expected, "{answer}");
        assert_eq!(scene.proxy.pending_faults(), 0, "{answer}");
    }
    assert_eq!(value(store, &at).await.unwrap(), Some(1));
    assert_eq!(scene.count(), 1);
    stored(update(store, &at, 2).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_a_replica_is_left_once() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    let readonly = || Fault::error("READONLY You can't write against a read only replica.");
    scene.proxy.inject_on("EVALSHA", readonly());
    let at = stored(update(&scene.store, &at, 2).await);
    for _ in 0..2 {
        scene.proxy.inject_on("EVALSHA", readonly());
    }
    assert_eq!(kind(update(&scene.store, &at, 3).await), Unavailable);
    stored(update(&scene.store, &at, 3).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_errors_inside_of_scripts_are_understood() {
    let mut scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    let tell = |redis: &Redis, words: &[&str]| assert!(redis.command(words).unwrap().is_ok());

    tell(&scene.redis, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(kind(update(&scene.store, &at, 2).await), Unavailable);
    tell(&scene.redis, &["CONFIG", "SET", "maxmemory", "0"]);

    let nowhere = Redis::start().unwrap().port().to_string();
    tell(&scene.redis, &["REPLICAOF", "127.0.0.1", &nowhere]);
    assert_eq!(kind(update(&scene.store, &at, 2).await), Unavailable);
    tell(&scene.redis, &["REPLICAOF", "NO", "ONE"]);

    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(1));
    let at = stored(update(&scene.store, &at, 2).await);

    // A server that comes back has forgotten the scripts.
    scene.redis.kill().unwrap();
    scene.redis.restart().unwrap();
    crate::setup::until_it_works(&scene.store, &at).await;
    stored(update(&scene.store, &at, 3).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_script_is_sent_in_full() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    assert!(scene.redis.command(&["SCRIPT", "FLUSH"]).unwrap().is_ok());
    let at = stored(update(&scene.store, &at, 2).await);
    scene.proxy.take_requests();
    stored(renew(&scene.store, &at, 3).await);
    assert_eq!(scene.proxy.take_requests(), ["EVALSHA"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_mean_nothing_are_errors() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    for answer in [":1\r\n", "+OK\r\n", "*0\r\n", "$3\r\nyes\r\n", "$-1\r\n"] {
        let fault = Fault::Answer(answer.into());
        scene.proxy.inject_on("EVALSHA", fault);
        let error = failed(update(&scene.store, &at, 2).await);
        assert_eq!(error.kind(), StoreErrorKind::Incompatible, "{answer:?}");
    }
    scene
        .proxy
        .inject_on("GET", Fault::Answer(b":1\r\n".into()));
    assert_eq!(
        kind(value(&scene.store, &at).await),
        StoreErrorKind::Incompatible
    );
    // What isn't Redis' protocol ends the connection, and the next one works.
    scene
        .proxy
        .inject_on("GET", Fault::Answer(b"HTTP/1.1 200 OK\r\n".into()));
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(1));
}
