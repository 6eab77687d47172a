//! Many sign-ins of one user at the same time, under a limit.

use std::collections::HashSet;

use sessile::storage::{Refusal, SessionLimit, SignInOutcome};
use sessile_rig::redis::{Cluster, Redis};
use tokio::task::JoinSet;

use super::scene::{User, limit};
use crate::{
    cluster::url_of,
    setup::{in_time, patient_store},
};

const MAX: u32 = 3;

/// 50 sign-ins at the same time, on two servers of the application.
async fn race(users: [User; 2], limit: SessionLimit) {
    let mut signing_in = JoinSet::new();
    for number in 0..50 {
        let user = users[number as usize % 2].clone();
        signing_in.spawn(async move { user.sign_in(1_000 + number, limit).await.unwrap() });
    }
    let mut alive = HashSet::new();
    for (session, outcome) in in_time(signing_in.join_all()).await {
        match outcome {
            SignInOutcome::Stored { .. } => _ = alive.insert(session.id),
            SignInOutcome::Refused(Refusal::LimitReached) => {
                assert!(!users[0].opens(&session.id).await);
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    let mut open = HashSet::new();
    for id in alive {
        if users[0].opens(&id).await {
            open.insert(id);
        }
    }
    assert_eq!(open.len(), MAX as usize);
    let listed: HashSet<_> = users[1].listed().await.into_iter().collect();
    assert_eq!(listed, open);
}

async fn races(urls: [String; 2]) {
    let [one, other] = urls;
    let stores = [patient_store(one).await, patient_store(other).await];
    for _ in 0..5 {
        for limit in [limit(MAX), limit(MAX).refusing()] {
            let user = User::of(&stores[0]);
            race([user.clone(), user.at(&stores[1])], limit).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sign_ins_leave_as_many_as_are_allowed_on_one_server() {
    let redis = Redis::start().unwrap();
    races([redis.url(), redis.url()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sign_ins_leave_as_many_as_are_allowed_on_a_cluster() {
    let cluster = Cluster::start().unwrap();
    races([url_of(&cluster), url_of(&cluster)]).await;
}
