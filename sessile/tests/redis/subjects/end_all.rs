//! Ending all sessions of a user while requests are in flight.

use std::collections::HashSet;

use sessile::storage::{CreateOutcome, UpdateOutcome};
use sessile_rig::redis::{Cluster, Redis};
use tokio::task::JoinSet;

use super::scene::User;
use crate::{
    cluster::url_of,
    setup::{in_time, patient_store, store, until_it_works},
};

/// How many rounds there are; 50 by `cargo xtask test --full`.
fn rounds() -> usize {
    const ROUNDS: usize = 20;
    std::env::var("SESSILE_TEST_ROUNDS").map_or(ROUNDS, |number| number.parse().unwrap())
}

/// Ends all sessions while 20 updates and 5 sign-ins are in flight. One half of the sign-ins began before.
async fn round(users: &[User; 2]) {
    let mut before = Vec::new();
    for at in 0..20 {
        before.push(users[0].create(100 + at).await);
    }
    let mut changing = JoinSet::new();
    for (number, session) in before.iter().cloned().enumerate() {
        let user = users[number % 2].clone();
        changing.spawn(async move {
            let (_, outcome) = user.try_update(&session).await.unwrap();
            assert_ne!(outcome, UpdateOutcome::Conflict);
        });
    }
    let mut signing_in = JoinSet::new();
    for number in 0..5 {
        let user = users[number as usize % 2].clone();
        signing_in.spawn(async move { user.try_create(998 + number).await.unwrap() });
    }
    let (at, _) = users[1].end_all(1000).await;
    assert!((1000..=1002).contains(&at));
    for session in &before {
        assert!(!users[0].opens(&session.id).await, "{session:?}");
    }
    changing.join_all().await;
    let mut open = HashSet::new();
    let mut all = before;
    for (session, outcome) in signing_in.join_all().await {
        let is_refused = matches!(outcome, CreateOutcome::Refused(_));
        assert!(session.at > at || is_refused || !users[0].opens(&session.id).await);
        all.push(session);
    }
    for session in all {
        if users[0].opens(&session.id).await {
            assert!(session.at > at, "{session:?}");
            open.insert(session.id);
        }
    }
    let listed: HashSet<_> = users[1].listed().await.into_iter().collect();
    assert_eq!(listed, open);
}

async fn run(urls: [String; 2]) {
    let [one, other] = urls;
    let stores = [patient_store(one).await, patient_store(other).await];
    for _ in 0..rounds() {
        let user = User::of(&stores[0]);
        in_time(round(&[user.clone(), user.at(&stores[1])])).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_from_before_the_end_are_not_opened_on_one_server() {
    let redis = Redis::start().unwrap();
    run([redis.url(), redis.url()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_from_before_the_end_are_not_opened_on_a_cluster() {
    let cluster = Cluster::start().unwrap();
    run([url_of(&cluster), url_of(&cluster)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_survive_a_restart_of_the_server() {
    let mut redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let user = User::of(&store);
    user.create(10).await;
    let guest = crate::setup::create(&store, 1).await;
    user.end_all(100).await;
    redis.kill().unwrap();
    redis.restart().unwrap();
    until_it_works(&store, &guest).await;
    let (session, outcome) = user.try_create(100).await.unwrap();
    assert!(matches!(outcome, CreateOutcome::Refused(_)));
    assert!(!user.opens(&session.id).await);

    let ttl = redis.command(&["PTTL", &user.key("mark")]).unwrap();
    let days = ttl.integer().unwrap() as f64 / 86_400_000.0;
    assert!((399.9..=400.0).contains(&days), "{days}");
}
