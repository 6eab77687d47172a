//! A master that fails and is replaced by its replica.

use std::time::Duration;

use sessile::storage::{Credentials, RedisSessionStore, StoreErrorKind};
use sessile_rig::redis::Sentinel;

#[cfg(feature = "metrics")]
use crate::recovery::Recovery;
use crate::setup::{
    create, failed, in_time, kind, store, try_create, until_it_works, until_replicated, updated,
    value, whole,
};

const LONG: Duration = Duration::from_secs(50);

pub(crate) fn url_of_master(sentinel: &Sentinel) -> String {
    url_of(sentinel, sentinel.master_name())
}

fn url_of(sentinel: &Sentinel, master: &str) -> String {
    let hosts: Vec<String> = sentinel
        .sentinel_urls()
        .iter()
        .map(|url| url.trim_start_matches("redis://").to_owned())
        .collect();
    format!("redis+sentinel://{}/{master}", hosts.join(","))
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn the_new_master_is_found_with_few_attempts_to_connect() {
    let mut sentinel = Sentinel::start().unwrap();
    let recovery = Recovery::start();
    let store = store(url_of_master(&sentinel)).await;
    let at = create(&store, 1).await;
    sentinel.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(sentinel.servers(), &at).await;
    sentinel.kill_master().unwrap();
    assert_eq!(
        kind(in_time(value(&store, &at)).await),
        StoreErrorKind::Unavailable
    );

    let promoted = sentinel.wait_for_failover(LONG).unwrap();
    until_all_name(&sentinel, promoted).await;
    let working = until_it_works(&store, &at);
    recovery.observe("Sentinel, crash", working).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    updated(&store, &at, 2).await;
}

/// Waits until all sentinels name the server of this number as the master.
#[cfg(feature = "metrics")]
async fn until_all_name(sentinel: &Sentinel, master: usize) {
    let port = sentinel.servers()[master].port().to_string();
    let question = [
        "SENTINEL",
        "GET-MASTER-ADDR-BY-NAME",
        sentinel.master_name(),
    ];
    in_time(async {
        while !sentinel.sentinels().iter().all(|it| {
            let address = it.command(&question).unwrap();
            address.items()[1].text().unwrap() == port
        }) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn a_master_that_became_a_replica_is_left_with_few_attempts_to_connect() {
    let sentinel = Sentinel::start().unwrap();
    let recovery = Recovery::start();
    let store = store(url_of_master(&sentinel)).await;
    let at = create(&store, 1).await;
    sentinel.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(sentinel.servers(), &at).await;
    let before = sentinel.master_port().unwrap();
    let name = sentinel.master_name().to_owned();
    let told = sentinel.sentinels()[0].command(&["SENTINEL", "FAILOVER", &name]);
    assert!(told.unwrap().is_ok());

    in_time(async {
        while sentinel.master_port().unwrap() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let promoted = sentinel.wait_for_failover(LONG).unwrap();
    until_all_name(&sentinel, promoted).await;
    let working = in_time(async {
        while try_create(&store).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    recovery.observe("Sentinel, planned switch", working).await;
    updated(&store, &at, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_running_sentinel_is_enough() {
    let mut sentinel = Sentinel::start().unwrap();
    let url = url_of_master(&sentinel);
    for index in [0, 1] {
        sentinel.sentinels_mut()[index].kill().unwrap();
    }
    let store = store(url.clone()).await;
    let at = create(&store, 1).await;
    sentinel.sentinels_mut()[2].kill().unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    let error = failed(RedisSessionStore::new(url).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_master_is_named() {
    let sentinel = Sentinel::start().unwrap();
    let error = failed(RedisSessionStore::new(url_of(&sentinel, "unknown")).await);
    let text = whole(&error);
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{text}");
    assert!(text.contains("`unknown`"), "{text}");
}

/// A master that its replica and the sentinels can't reach, while the store can.
async fn isolated_master(store: &RedisSessionStore, sentinel: &Sentinel) -> usize {
    let at = create(store, 1).await;
    sentinel.wait_until_whole(LONG).unwrap();
    until_replicated(sentinel.servers(), &at).await;
    sentinel.isolate(0);
    in_time(async {
        while sentinel.wait_for_failover(LONG).unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let role = sentinel.servers()[0].command(&["ROLE"]).unwrap();
    assert_eq!(role.items()[0].text().unwrap(), "master");
    1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_cut_off_from_its_peers_is_left_without_a_write() {
    let sentinel = Sentinel::start_behind_proxies(&[]).unwrap();
    let store = store(url_of_master(&sentinel)).await;
    let at = create(&store, 1).await;
    until_replicated(sentinel.servers(), &at).await;
    let promoted = isolated_master(&store, &sentinel).await;

    // Another server of the application, which knows the new master, ends the session.
    let deleted = sentinel.servers()[promoted].command(&["DEL", &at.redis_key()]);
    assert_eq!(deleted.unwrap().integer(), Some(1));
    in_time(async {
        while value(&store, &at).await.ok() != Some(None) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;

    // The old master returns as a replica.
    sentinel.proxies()[0].resume();
    sentinel.wait_until_whole(LONG).unwrap();
    create(&store, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_to_a_master_that_is_cut_off_work_again_after_the_switch() {
    let replicas = [
        "--min-replicas-to-write",
        "1",
        "--min-replicas-max-lag",
        "1",
    ];
    let sentinel = Sentinel::start_behind_proxies(&replicas).unwrap();
    let store = store(url_of_master(&sentinel)).await;
    let promoted = isolated_master(&store, &sentinel).await;
    // The new master has no replica, and accepts writes without one from now on.
    let accepts = ["CONFIG", "SET", "min-replicas-to-write", "0"];
    assert!(
        sentinel.servers()[promoted]
            .command(&accepts)
            .unwrap()
            .is_ok()
    );

    in_time(async {
        while try_create(&store).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_replicas_fail_writes_and_no_reads() {
    let mut sentinel = Sentinel::start().unwrap();
    let store = store(url_of_master(&sentinel)).await;
    let at = create(&store, 1).await;
    sentinel.servers_mut()[1].kill().unwrap();
    let master = &sentinel.servers()[0];
    let requires = ["CONFIG", "SET", "min-replicas-to-write", "1"];
    assert!(master.command(&requires).unwrap().is_ok());
    let before = connections(master);
    for _ in 0..100 {
        let error = failed(try_create(&store).await);
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(!error.may_have_happened() && whole(&error).contains("NOREPLICAS"));
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    }
    // Sentinels and this test connect as well.
    assert!(connections(master) - before < 50);
}

/// How many connections the server has accepted.
fn connections(server: &sessile_rig::redis::Redis) -> u64 {
    let info = server.command(&["INFO", "stats"]).unwrap();
    let info = info.text().unwrap();
    let mut lines = info.lines();
    let found = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
    found.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_with_a_password_are_asked_as_a_user_of_their_own() {
    let sentinel = Sentinel::start().unwrap();
    for it in sentinel.sentinels() {
        let user = ["ACL", "SETUSER", "watch", "on", ">s3cret?", "+@all", "&*"];
        assert!(it.command(&user).unwrap().is_ok());
        let closed = ["ACL", "SETUSER", "default", "off"];
        assert!(it.command(&closed).unwrap().is_ok());
    }
    let url = url_of_master(&sentinel);
    assert_eq!(
        kind(RedisSessionStore::new(url.clone()).await),
        StoreErrorKind::Denied
    );
    let by_address = format!("{url}?sentinel_user=watch&sentinel_pass=s3cret%3F");
    create(&store(by_address).await, 1).await;
    let wrong = failed(
        RedisSessionStore::new(format!("{url}?sentinel_user=watch&sentinel_pass=hunter2")).await,
    );
    assert_eq!(wrong.kind(), StoreErrorKind::Denied);
    assert!(!whole(&wrong).contains("hunter2"));

    let by_callback = RedisSessionStore::builder(url)
        .sentinel_credentials(|| async { Ok(Credentials::new("watch", "s3cret?")) });
    create(&by_callback.build().await.unwrap(), 1).await;
}

#[test]
fn a_switch_is_followed_after_the_runtime_that_listened_has_ended() {
    let sentinel = Sentinel::start().unwrap();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(1).enable_all();
        builder.build().unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let (store, at) = first.block_on(async {
        let store = store(url_of_master(&sentinel)).await;
        let at = create(&store, 1).await;
        until_replicated(sentinel.servers(), &at).await;
        (store, at)
    });
    assert_eq!(second.block_on(value(&store, &at)).unwrap(), Some(1));
    drop(first);
    let before = sentinel.master_port().unwrap();
    let name = sentinel.master_name();
    let told = sentinel.sentinels()[0].command(&["SENTINEL", "FAILOVER", name]);
    assert!(told.unwrap().is_ok());
    second.block_on(in_time(async {
        while sentinel.master_port().unwrap() == before || try_create(&store).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }));
}

#[cfg(feature = "_redis-tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_may_need_tls_where_the_master_has_none() {
    use sessile_rig::redis::{Redis, TlsRedis};

    let redis = Redis::start().unwrap();
    let sentinel = TlsRedis::start_as_sentinel(redis.port()).unwrap();
    let host = sentinel.url().replace("rediss://", "");
    let builder = || RedisSessionStore::builder(format!("redis+sentinel://{host}/sessile"));
    let store = builder().sentinel_tls(crate::setup::trusting(&sentinel));
    create(&store.build().await.unwrap(), 1).await;
    assert!(builder().build().await.is_err());
}
