//! A cluster whose slots move and whose masters fail.

use std::time::Duration;

use sessile::storage::{CreateOutcome, RedisSessionStore, SessionStore as _, StoreErrorKind};
use sessile_rig::redis::{Cluster, Redis};

use crate::{
    setup::{
        HOUR, Stored, create, failed, in_time, kind, near_store, patient_store, record, store,
        until_it_works, until_replicated, updated, value, whole,
    },
    subjects::scene::{SignedIn, User},
};

pub(crate) fn url_of(cluster: &Cluster) -> String {
    let hosts: Vec<String> = cluster
        .urls()
        .iter()
        .map(|url| url.trim_start_matches("redis://").to_owned())
        .collect();
    format!("redis+cluster://{}", hosts.join(","))
}

/// A session on each of the masters.
async fn one_on_each_master(cluster: &Cluster, store: &RedisSessionStore) -> Vec<Stored> {
    let mut found = Vec::new();
    for master in cluster.masters() {
        loop {
            let created = create(store, 1).await;
            if cluster.master_of(&created.redis_key()).unwrap() == master {
                found.push(created);
                break;
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_is_enough_to_find_the_cluster() {
    let cluster = Cluster::start().unwrap();
    let everywhere = store(url_of(&cluster)).await;
    let sessions = one_on_each_master(&cluster, &everywhere).await;
    assert_eq!(sessions.len(), 3);
    for url in cluster.urls() {
        let store = store(url.replace("redis://", "redis+cluster://")).await;
        for at in &sessions {
            assert_eq!(value(&store, at).await.unwrap(), Some(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_are_followed_and_nothing_is_lost_or_doubled() {
    let cluster = Cluster::start().unwrap();
    let store = store(url_of(&cluster)).await;
    let at = create(&store, 1).await;
    let id = at.redis_key();
    let home = cluster.master_of(&id).unwrap();
    let away = cluster
        .masters()
        .into_iter()
        .find(|&it| it != home)
        .unwrap();

    // The node has given the slot away and redirects to its owner: MOVED.
    cluster.migrate_slot(&id, away).unwrap();
    let at = updated(&store, &at, 2).await;

    // The slot is moving back. Its node redirects to the other one: ASK.
    cluster.begin_migration(&id, home).unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    let at = updated(&store, &at, 3).await;
    let at = updated(&store, &at, 4).await;
    cluster.finish_migration(&id, home).unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(4));
    store.delete(&at.id).await.unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), None);
}

/// A user with one session, and the master that the slot of the user's keys is moving to.
async fn user_whose_slot_moves(
    cluster: &Cluster,
    store: &RedisSessionStore,
) -> (User, SignedIn, usize) {
    let user = User::of(store);
    let session = user.create(10).await;
    let key = user.key("sessions");
    let home = cluster.master_of(&key).unwrap();
    let mut masters = cluster.masters().into_iter();
    let away = masters.find(|&it| it != home).unwrap();
    cluster.begin_migration(&key, away).unwrap();
    (user, session, away)
}

/// Scripts on the keys of a user are answered with `TRYAGAIN` until the slot of these keys has moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_waits_until_the_slot_of_its_user_has_moved() {
    let cluster = Cluster::start().unwrap();
    let store = patient_store(url_of(&cluster)).await;
    let (user, earlier, away) = user_whose_slot_moves(&cluster, &store).await;

    let refusals = || count(&cluster, "errorstats", "errorstat_TRYAGAIN:count=");
    let moving = async {
        // More often than a request is redirected.
        while refusals() < 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cluster
            .finish_migration(&user.key("sessions"), away)
            .unwrap();
    };
    let (later, ()) = in_time(async { tokio::join!(user.create(20), moving) }).await;
    assert_eq!(user.listed().await, [earlier.id, later.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_whose_slot_does_not_stop_moving_ends_in_time_and_was_not_sent() {
    let cluster = Cluster::start().unwrap();
    let store = RedisSessionStore::builder(url_of(&cluster))
        .response_timeout(Duration::from_millis(500))
        .build()
        .await
        .unwrap();
    let (user, earlier, away) = user_whose_slot_moves(&cluster, &store).await;

    let begun = std::time::Instant::now();
    let error = failed(in_time(user.try_create(20)).await);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!error.may_have_happened(), "{}", whole(&error));
    cluster
        .finish_migration(&user.key("sessions"), away)
        .unwrap();
    assert_eq!(user.listed().await, [earlier.id]);
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn a_failed_master_is_replaced_with_few_attempts_to_connect_and_the_others_still_serve() {
    let mut cluster = Cluster::start().unwrap();
    let recovery = crate::recovery::Recovery::start();
    let store = store(url_of(&cluster)).await;
    let sessions = one_on_each_master(&cluster, &store).await;
    let (hit, spared) = sessions.split_first().unwrap();

    cluster.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(cluster.nodes(), hit).await;
    cluster.kill_master_of(&hit.redis_key()).unwrap();
    // Requests to the dead node fail without delaying others.
    let failure = in_time(value(&store, hit)).await;
    assert_eq!(kind(failure), StoreErrorKind::Unavailable);
    for at in spared {
        until_it_works(&store, at).await;
    }
    cluster
        .wait_for_promotion(&hit.redis_key(), Duration::from_secs(30))
        .unwrap();
    let working = until_it_works(&store, hit);
    recovery.observe("Cluster, crash", working).await;
    assert_eq!(value(&store, hit).await.unwrap(), Some(1));
    updated(&store, hit, 2).await;
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn a_master_that_hands_over_to_its_replica_is_left_with_few_attempts_to_connect() {
    let cluster = Cluster::start().unwrap();
    let recovery = crate::recovery::Recovery::start();
    let store = store(url_of(&cluster)).await;
    let sessions = one_on_each_master(&cluster, &store).await;
    let at = &sessions[0];
    until_replicated(cluster.nodes(), at).await;

    // Of six nodes, the last three are the replicas of the first three.
    let replica = cluster.master_of(&at.redis_key()).unwrap() + 3;
    let reply = cluster.nodes()[replica].command(&["CLUSTER", "FAILOVER"]);
    assert!(reply.unwrap().is_ok());
    in_time(async {
        while cluster.master_of(&at.redis_key()).ok() != Some(replica) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let working = until_it_works(&store, at);
    recovery.observe("Cluster, planned", working).await;
    assert_eq!(value(&store, at).await.unwrap(), Some(1));
    updated(&store, at, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_delays_requests_by_at_most_the_timeout() {
    let mut cluster = Cluster::start().unwrap();
    let store = store(url_of(&cluster)).await;
    let sessions = one_on_each_master(&cluster, &store).await;
    let (hit, spared) = sessions.split_first().unwrap();
    cluster.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(cluster.nodes(), hit).await;
    let master = cluster.master_of(&hit.redis_key()).unwrap();
    cluster.nodes_mut()[master].stop().unwrap();

    let begun = std::time::Instant::now();
    let (failure, ()) = in_time(async {
        tokio::join!(value(&store, hit), async {
            for at in spared {
                assert_eq!(value(&store, at).await.unwrap(), Some(1));
            }
        })
    })
    .await;
    assert_eq!(kind(failure), StoreErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_millis(1200));
    cluster
        .wait_for_promotion(&hit.redis_key(), Duration::from_secs(30))
        .unwrap();
    let waited = until_it_works(&store, hit).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_says_whether_the_server_is_a_cluster() {
    let redis = Redis::start().unwrap();
    let url = redis.url().replace("redis://", "redis+cluster://");
    let error = failed(RedisSessionStore::new(url).await);
    assert_eq!(
        error.kind(),
        StoreErrorKind::Misconfigured,
        "{}",
        whole(&error)
    );

    let cluster = Cluster::start().unwrap();
    let store = store(cluster.urls()[0].clone()).await;
    let mut kinds = Vec::new();
    for _ in 0..50 {
        if let Err(error) = value(&store, &Stored::nowhere()).await {
            assert!(
                whole(&error).contains("redis+cluster://"),
                "{}",
                whole(&error)
            );
            kinds.push(error.kind());
        }
    }
    assert!(!kinds.is_empty());
    assert!(
        kinds
            .iter()
            .all(|&kind| kind == StoreErrorKind::Misconfigured)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_is_sent_again_only_if_it_was_not_executed() {
    let mut cluster = Cluster::start().unwrap();
    let store = store(url_of(&cluster)).await;
    let sessions = one_on_each_master(&cluster, &store).await;
    let hit = &sessions[0];
    let create_again = async || {
        store.delete(&hit.id).await.unwrap();
        let created = store.create(&hit.id, &record(2), hit.version, HOUR).await;
        assert_eq!(created.unwrap(), CreateOutcome::Created);
        assert_eq!(value(&store, hit).await.unwrap(), Some(2));
    };
    let home = cluster.master_of(&hit.redis_key()).unwrap();
    let masters = cluster.masters();
    let away = *masters.iter().find(|&&it| it != home).unwrap();

    // MOVED, and then ASK.
    cluster.migrate_slot(&hit.redis_key(), away).unwrap();
    create_again().await;
    store.delete(&hit.id).await.unwrap();
    cluster.begin_migration(&hit.redis_key(), home).unwrap();
    create_again().await;
    cluster.finish_migration(&hit.redis_key(), home).unwrap();

    // The connection to a dead node breaks. Then there is none.
    cluster.wait_until_whole(Duration::from_secs(30)).unwrap();
    cluster.kill_master_of(&hit.redis_key()).unwrap();
    let mut open = 0;
    let error = in_time(async {
        loop {
            let created = store.create(&hit.id, &record(3), hit.version, HOUR).await;
            let error = failed(created);
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            match error.may_have_happened() {
                true => open += 1,
                false => return error,
            }
        }
    })
    .await;
    assert!(open <= 1, "{open} of them were sent: {}", whole(&error));
}

/// How often the nodes did what a line of their statistics counts, such as `errorstat_MOVED:count=`.
fn count(cluster: &Cluster, section: &str, counter: &str) -> usize {
    let count = |node: &Redis| {
        let info = node.command(&["INFO", section]).unwrap();
        let info = info.text().unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix(counter));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    };
    cluster.nodes().iter().map(count).sum()
}

fn redirects(cluster: &Cluster) -> usize {
    count(cluster, "errorstats", "errorstat_MOVED:count=")
}

fn questions(cluster: &Cluster) -> usize {
    count(cluster, "commandstats", "cmdstat_cluster|slots:calls=")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slots_that_move_at_once_are_asked_for_together() {
    let cluster = Cluster::start().unwrap();
    let creator = store(url_of(&cluster)).await;
    let spared = one_on_each_master(&cluster, &creator).await.pop().unwrap();
    // Slots with sessions could not be given away like this.
    let emptied = cluster.nodes()[0].command(&["FLUSHALL"]);
    assert!(emptied.unwrap().is_ok());
    let store = near_store(url_of(&cluster)).await;
    assert_eq!(value(&store, &spared).await.unwrap(), Some(1));
    cluster.give_away_slots(0..2000, 0, 1).unwrap();

    let (redirected, asked) = (redirects(&cluster), questions(&cluster));
    let begun = std::time::Instant::now();
    let mut misses = 0;
    while redirects(&cluster) - redirected < 100 {
        for _ in 0..50 {
            assert_eq!(value(&store, &Stored::nowhere()).await.unwrap(), None);
            // A session in the near cache needs no reply.
            let cached = tokio::time::timeout(Duration::ZERO, value(&store, &spared)).await;
            if cached.is_err() {
                misses += 1;
                assert_eq!(value(&store, &spared).await.unwrap(), Some(1));
            }
        }
        if begun.elapsed() > Duration::from_millis(100) {
            break;
        }
    }
    // The map may be new before as many slots were asked for.
    let redirected = redirects(&cluster) - redirected;
    assert!(redirected >= 5, "{redirected}");

    // The map is new when no slot is redirected any more.
    in_time(async {
        loop {
            let before = redirects(&cluster);
            for _ in 0..100 {
                value(&store, &Stored::nowhere()).await.unwrap();
            }
            if redirects(&cluster) == before {
                break;
            }
        }
    })
    .await;
    let most = 1 + begun.elapsed().as_millis() as usize / 100;
    let asked = questions(&cluster) - asked;
    assert!((1..=most).contains(&asked), "{asked} of {most}");
    assert!(misses <= 2 * most, "{misses} of {most}");
}
