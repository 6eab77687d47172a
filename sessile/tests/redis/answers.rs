//! Connections that are cut at any moment, and servers that reply with errors. Each operation ends in success
//! or a typed error, and no change is lost or made twice.

use sessile::storage::{
    Freshness, RedisSessionStore, SessionStore as _,
    StoreErrorKind::{self, Unavailable},
    UpdateOutcome,
};
use sessile_rig::{
    proxy::{Fault, Proxy},
    redis::Redis,
};

use crate::setup::{
    Stored, create, failed, in_time, kind, store, try_create, until_it_works, update, updated,
    value, whole,
};

struct Scene {
    redis: Redis,
    proxy: Proxy,
    /// Connects through the proxy.
    store: RedisSessionStore,
    /// Connects directly.
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
        updated(&other, &at, 0).await;
        other.delete(&at.id).await.unwrap();
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

/// Cuts in the middle of a request, and after its execution.
fn cuts() -> [Fault; 2] {
    [Fault::CutRequestAfter(20), Fault::CutBeforeReply]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_other_than_create_are_sent_again_after_a_cut() {
    let scene = Scene::new().await;
    let store = &scene.store;
    for cut in cuts() {
        let at = create(store, 1).await;

        scene.proxy.inject_on("GET", cut.clone());
        assert_eq!(value(store, &at).await.unwrap(), Some(1));

        scene.proxy.inject_on("EVALSHA", cut.clone());
        let at = updated(store, &at, 2).await;
        assert_eq!(value(store, &at).await.unwrap(), Some(2));

        scene.proxy.inject_on("DEL", cut);
        store.delete(&at.id).await.unwrap();
        assert_eq!(scene.count(), 0);
        assert_eq!(scene.proxy.pending_faults(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_is_not_sent_again_after_a_cut() {
    let scene = Scene::new().await;
    for cut in cuts() {
        scene.proxy.inject_on("SET", cut.clone());
        scene.proxy.take_requests();
        let error = failed(try_create(&scene.store).await);
        assert_eq!(error.kind(), Unavailable);
        assert!(error.may_have_happened());
        let was_done = matches!(cut, Fault::CutBeforeReply);
        let requests = scene.proxy.take_requests();
        let sets = requests.iter().filter(|request| *request == "SET");
        assert!(sets.count() <= 1, "{cut:?}: {requests:?}");
        assert_eq!(scene.count(), i64::from(was_done), "{cut:?}");
    }
    // The next one connects again.
    create(&scene.store, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_the_server_refused_is_sent_again() {
    let scene = Scene::new().await;
    let readonly = Fault::error("READONLY You can't write against a read only replica.");
    scene.proxy.inject_on("SET", readonly);
    create(&scene.store, 1).await;
    assert_eq!(scene.proxy.pending_faults(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_cut_is_an_error_and_the_update_happens_once() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    for cut in cuts() {
        for _ in 0..2 {
            scene.proxy.inject_on("EVALSHA", cut.clone());
        }
        let error = failed(update(&scene.store, &at, 2).await);
        assert_eq!(error.kind(), Unavailable);
        assert!(error.may_have_happened());
    }
    // The first attempt that arrived stored it.
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_after_an_attempt_that_may_have_happened_leaves_the_outcome_open() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    scene.proxy.inject_on("EVALSHA", Fault::CutBeforeReply);
    let refusal = Fault::error("OOM command not allowed when used memory > 'maxmemory'.");
    scene.proxy.inject_on("EVALSHA", refusal);
    let error = failed(update(&scene.store, &at, 2).await);
    assert!(error.may_have_happened());
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_was_overtaken_between_two_attempts_is_unknown() {
    let scene = Scene::new().await;
    for ends in [false, true] {
        let at = create(&scene.other, 1).await;

        // The update arrives, and its reply does not. Another request changes the session before the
        // second attempt.
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
        let loaded = scene.other.load(&at.id, None, Freshness::Current).await;
        let seen = Stored {
            version: loaded.unwrap().unwrap().version,
            ..at.clone()
        };
        let expected = match ends {
            true => {
                scene.other.delete(&at.id).await.unwrap();
                None
            }
            false => {
                updated(&scene.other, &seen, 3).await;
                Some(3)
            }
        };
        scene.proxy.cut();

        // After a conflict the engine would apply the change a second time.
        let error = failed(in_time(ours).await.unwrap());
        assert_eq!(error.kind(), StoreErrorKind::Unknown, "{}", whole(&error));
        assert!(error.may_have_happened());
        assert_eq!(value(&scene.other, &at).await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_without_a_cut_is_a_conflict() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    updated(&scene.other, &at, 2).await;
    let outcome = update(&scene.store, &at, 3).await;
    assert_eq!(outcome.unwrap(), UpdateOutcome::Conflict);
    scene.other.delete(&at.id).await.unwrap();
    let outcome = update(&scene.store, &at, 3).await;
    assert_eq!(outcome.unwrap(), UpdateOutcome::Missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_connection_is_an_error_that_was_not_sent() {
    let mut scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    scene.redis.kill().unwrap();
    // Until the store has noticed it.
    in_time(async { while failed(update(&scene.other, &at, 2).await).may_have_happened() {} })
        .await;
    let error = failed(try_create(&scene.other).await);
    assert_eq!(error.kind(), Unavailable);
    assert!(!error.may_have_happened());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_server_are_typed_and_change_nothing() {
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
        // The server refuses all but the last.
        let is_open = answer.starts_with("STRANGE");
        inject("EVALSHA");
        let error = failed(update(store, &at, 9).await);
        assert_eq!(error.kind(), expected, "{answer}");
        assert_eq!(error.may_have_happened(), is_open, "{answer}");
        inject("SET");
        let error = failed(try_create(store).await);
        assert_eq!(error.kind(), expected, "{answer}");
        assert_eq!(error.may_have_happened(), is_open, "{answer}");
        inject("DEL");
        assert_eq!(kind(store.delete(&at.id).await), expected, "{answer}");
        assert_eq!(scene.proxy.pending_faults(), 0, "{answer}");
    }
    assert_eq!(value(store, &at).await.unwrap(), Some(1));
    assert_eq!(scene.count(), 1);
    updated(store, &at, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_a_replica_is_left_at_once() {
    for answer in [
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    ] {
        let scene = Scene::new().await;
        let at = create(&scene.store, 1).await;
        scene.proxy.inject_on("EVALSHA", Fault::error(answer));
        updated(&scene.store, &at, 2).await;
        assert_eq!(scene.proxy.pending_faults(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_a_replica_again_after_reconnecting_fails_requests_for_a_moment() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    let readonly = "READONLY You can't write against a read only replica.";
    for _ in 0..2 {
        scene.proxy.inject_on("EVALSHA", Fault::error(readonly));
    }
    assert_eq!(kind(update(&scene.store, &at, 2).await), Unavailable);
    let error = failed(value(&scene.store, &at).await);
    assert!(!error.may_have_happened() && whole(&error).contains("READONLY"));
    until_it_works(&scene.store, &at).await;
    updated(&scene.store, &at, 2).await;
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

    until_it_works(&scene.store, &at).await;
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(1));
    let at = updated(&scene.store, &at, 2).await;

    // A server that was restarted has forgotten the script.
    scene.redis.kill().unwrap();
    scene.redis.restart().unwrap();
    until_it_works(&scene.store, &at).await;
    updated(&scene.store, &at, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_script_is_sent_in_full() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    assert!(scene.redis.command(&["SCRIPT", "FLUSH"]).unwrap().is_ok());
    let at = updated(&scene.store, &at, 2).await;
    scene.proxy.take_requests();
    updated(&scene.store, &at, 3).await;
    assert_eq!(scene.proxy.take_requests(), ["EVALSHA"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_replies_are_errors() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    for answer in [":1\r\n", "+OK\r\n", "*0\r\n", "$3\r\nyes\r\n", "$-1\r\n"] {
        let fault = Fault::Intercept(answer.into());
        scene.proxy.inject_on("EVALSHA", fault);
        let error = failed(update(&scene.store, &at, 2).await);
        assert_eq!(error.kind(), StoreErrorKind::Incompatible, "{answer:?}");
        assert!(error.may_have_happened());
    }
    scene
        .proxy
        .inject_on("SET", Fault::Intercept(b":1\r\n".into()));
    let error = failed(try_create(&scene.store).await);
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    scene
        .proxy
        .inject_on("GET", Fault::Intercept(b":1\r\n".into()));
    assert_eq!(
        kind(value(&scene.store, &at).await),
        StoreErrorKind::Incompatible
    );
    // A reply that is not in the protocol of Redis ends the connection, and the next one works.
    scene
        .proxy
        .inject_on("GET", Fault::Intercept(b"HTTP/1.1 200 OK\r\n".into()));
    assert_eq!(value(&scene.store, &at).await.unwrap(), Some(1));
}
