//! Operations that are given up between any two of their commands, and replies that are lost. What a mark should have
//! ended does not open, and after one list, lists and sessions agree.
//!
//! The runtime has one thread, so no reply arrives while an operation is polled, and each number of polls is another point.

use std::{future::poll_fn, pin::pin, task::Poll};

use sessile::storage::{
    CreateOutcome, RedisSessionStore, SessionId, SessionStore as _, SignInWrite, StoreError,
    SubjectStore as _, Version,
};
use sessile_rig::{
    proxy::{Fault, Proxy},
    redis::{Cluster, Redis},
};

use super::scene::{SignedIn, User, limit, time};
use crate::{
    cluster::url_of,
    setup::{HOUR, in_time, store},
};

/// Polls `future` up to `polls` times, and drops it then. `None` if it had not ended.
async fn broken_off<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// A user with two sessions, and an operation that was given up.
struct Case {
    user: User,
    sessions: Vec<SignedIn>,
    /// All sessions that may have been stored.
    ids: Vec<SessionId>,
}

impl Case {
    async fn new(store: &RedisSessionStore) -> Self {
        let user = User::of(store);
        let sessions = vec![user.create(10).await, user.create(20).await];
        let ids = sessions.iter().map(|it| it.id.clone()).collect();
        Self {
            user,
            sessions,
            ids,
        }
    }

    async fn run(&mut self, operation: Operation) -> Result<(), StoreError> {
        let user = self.user.clone();
        match operation {
            Operation::Update => _ = user.try_update(&self.sessions[0]).await?,
            Operation::Delete => user.store.delete(&self.sessions[0].id).await?,
            Operation::End => {
                let subject = user.subject();
                let now = time(100);
                user.store.end_subject(&subject, now, None).await?;
            }
            Operation::Create => {
                let id = SessionId::generate();
                self.ids.push(id.clone());
                let version = Version::generate();
                let record = user.record(30);
                let creating = user.store.create(&id, &record, version, HOUR);
                creating.await?;
            }
            Operation::SignIn => {
                let id = SessionId::generate();
                self.ids.push(id.clone());
                let record = user.record(30);
                let (version, ttl) = (Version::generate(), HOUR);
                let write = SignInWrite::create(&id, &record, version, ttl);
                user.store.sign_in(write, limit(2)).await?;
            }
        }
        Ok(())
    }

    /// The ids that open.
    async fn open(&self) -> Vec<SessionId> {
        let mut open = Vec::new();
        for id in &self.ids {
            if self.user.opens(id).await {
                open.push(id.clone());
            }
        }
        open.sort();
        open
    }

    async fn check(&self, operation: Operation, has_ended: bool) {
        let before = self.open().await;
        let mut listed = self.user.listed().await;
        listed.sort();
        let after = self.open().await;
        assert_eq!(listed, after, "{operation:?}");
        assert!(after.iter().all(|id| before.contains(id)), "{operation:?}");
        if has_ended {
            assert!(before.is_empty(), "{operation:?}");
        }
        // The next sign-in keeps the limit.
        let (last, _) = self.user.sign_in(1_000, limit(2)).await.unwrap();
        let listed = self.user.listed().await;
        assert!(
            listed.len() <= 2 && listed.contains(&last.id),
            "{operation:?}"
        );
        // Nothing comes back once all have ended.
        self.user.end_all(2_000).await;
        assert!(self.open().await.is_empty() && !self.user.opens(&last.id).await);
        assert!(self.user.listed().await.is_empty());
        let (_, outcome) = self.user.try_create(2_000).await.unwrap();
        assert!(matches!(outcome, CreateOutcome::Refused(_)));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Update,
    Delete,
    SignIn,
    End,
}

const ALL: [Operation; 5] = [
    Operation::Create,
    Operation::Update,
    Operation::Delete,
    Operation::SignIn,
    Operation::End,
];

/// Gives each operation up after each number of polls, until it ends.
async fn break_off(store: &RedisSessionStore) {
    for operation in ALL {
        let mut polls = 1;
        loop {
            let mut case = Case::new(store).await;
            let done = broken_off(case.run(operation), polls).await;
            let is_done = done.is_some();
            done.unwrap_or(Ok(())).unwrap();
            let has_ended = is_done && operation == Operation::End;
            case.check(operation, has_ended).await;
            if is_done {
                break;
            }
            polls += 1;
        }
        // It was given up at least once.
        assert!(polls > 1, "{operation:?}");
    }
}

#[tokio::test]
async fn dropped_operations_on_one_server() {
    let redis = Redis::start().unwrap();
    in_time(break_off(&store(redis.url()).await)).await;
}

#[tokio::test]
async fn dropped_operations_on_a_cluster() {
    let cluster = Cluster::start().unwrap();
    in_time(break_off(&store(url_of(&cluster)).await)).await;
}

/// Loses the reply to each command of each operation.
#[tokio::test]
async fn lost_replies() {
    let redis = Redis::start().unwrap();
    let direct = store(redis.url()).await;
    for operation in ALL {
        let proxy = Proxy::start(redis.port()).unwrap();
        let through_proxy = store(format!("127.0.0.1:{}", proxy.port())).await;
        let mut number = 0;
        loop {
            let mut case = Case::new(&direct).await;
            case.user = case.user.at(&through_proxy);
            proxy.inject_after(number, Fault::CutBeforeReply);
            let done = in_time(case.run(operation)).await;
            let is_hit = proxy.pending_faults() == 0;
            case.user = case.user.at(&direct);
            let has_ended = operation == Operation::End && done.is_ok();
            case.check(operation, has_ended).await;
            if !is_hit {
                assert!(done.is_ok() && number > 0, "{operation:?}");
                break;
            }
            number += 1;
        }
    }
}
