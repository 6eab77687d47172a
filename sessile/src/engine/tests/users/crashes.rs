//! Servers that crash between any two operations of the store, and between any two commands of an operation, for many users
//! at once. What was ended stays ended, and after one list of each user's sessions, lists and sessions agree.
//!
//! `cargo xtask test --full users` runs them with 100,000 requests of 10,000 users on each store, three times: without a
//! limit, and under each kind of limit. Runs that passed:
//!
//! | store | requests in each run | of them crashed |
//! | --- | --- | --- |
//! | memory | 100,000 | 32,797, 32,796 and 31,632 |
//! | SQLite, without a limit | 100,000 | 37,236 |
//! | Redis cluster | 5,000 | 2,292, 2,541 and 2,496 |
//! | Redis, without a limit | 5,000 | 1,841 |
//! | PostgreSQL, without a limit | 5,000 | 987 |
//! | MariaDB, without a limit and with one that ends the earliest | 5,000 | 1,742 and 3,748 |

use std::{collections::HashMap, future::poll_fn};

use super::*;
use crate::{
    clock::Timestamp,
    storage::{AtLimit, SubjectStore},
};

/// How many sessions there are: `few`, or as many as the variable says.
pub(super) fn sessions(few: usize) -> usize {
    std::env::var("SESSILE_TEST_CRASHES").map_or(few, |number| number.parse().unwrap())
}

/// The output of `future` if it needs at most so many polls. It is dropped right after the last one, while what it sent is
/// in flight.
async fn crashing<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        let Some(next) = left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        left = next;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// What the test knows of a user.
#[derive(Default)]
struct User {
    cookies: Vec<String>,
    /// No session that signed in until then may open, except the one with this cookie.
    ended: Option<(Timestamp, Option<String>)>,
}

#[tokio::test]
async fn what_was_ended_stays_ended_whatever_crashed() {
    let servers = |limit| servers_in_memory(limit, |_| {});
    what_was_ended_stays_ended(servers, sessions(3_000), 12, true).await;
}

/// A tenth of `count` users sign in and out, and end their sessions. Each request crashes if it needs as many polls as a random
/// number below `max_polls`. If `has_exact_limits` is set, a crash makes no user exceed the limit.
pub(super) async fn what_was_ended_stays_ended<S: SubjectStore + Clone>(
    servers: impl Fn(Option<SessionLimit>) -> [World<S>; 2],
    count: usize,
    max_polls: usize,
    has_exact_limits: bool,
) {
    for limit in [None, Some(limit(3)), Some(limit(3).refusing())] {
        let exact = limit.filter(|_| has_exact_limits);
        run(&servers(limit), exact, count, max_polls).await;
    }
}

async fn run<S: SubjectStore + Clone>(
    servers: &[World<S>; 2],
    limit: Option<SessionLimit>,
    count: usize,
    max_polls: usize,
) {
    let mut random = fastrand::Rng::with_seed(17);
    // The store may have users of another run.
    let run = SessionId::generate();
    let mut users = HashMap::<String, User>::new();
    let mut crashes = 0;
    for number in 0..count {
        let world = &servers[number % 2];
        world.tick();
        let name = format!("user {} of {run}", random.usize(..count / 10));
        let user = users.entry(name.clone()).or_default();
        // A crash after this number of polls. Most requests are done by then.
        let polls = random.usize(..max_polls);
        if !user.request(world, &name, polls, &mut random).await {
            crashes += 1;
        }
    }
    // This pass mends what the crashes left.
    for name in users.keys() {
        servers[0].ids(name).await;
    }
    let mut live = 0;
    for (name, user) in &users {
        let of_user = user.check(&servers[1], name).await;
        if let Some(limit) = limit {
            assert!(of_user <= limit.max() as usize, "{name}");
            keeps_the_limit(&servers[1], name, limit).await;
        }
        live += of_user;
    }
    println!("{crashes} of {count} requests crashed, and {live} cookies open a session");
    assert!(crashes > count / 20, "only {crashes} requests crashed");
    assert!(live > count / 200, "only {live} sessions are left");
}

/// A sign-in that crashed may have ended no session for its own, which no browser knows. The next one ends as many as have to
/// end.
async fn keeps_the_limit<S: SubjectStore + Clone>(
    world: &World<S>,
    name: &str,
    limit: SessionLimit,
) {
    if limit.at_limit() == AtLimit::EndEarliest {
        world.signed_in(name).await;
    }
    assert!(
        world.ids(name).await.len() <= limit.max() as usize,
        "{name}"
    );
}

impl User {
    /// A request that signs the user in or out, or ends sessions, and may crash. Returns whether it was done.
    async fn request<S: SubjectStore + Clone>(
        &mut self,
        world: &World<S>,
        name: &str,
        polls: usize,
        random: &mut fastrand::Rng,
    ) -> bool {
        let known = self.cookies.last().cloned().filter(|_| random.bool());
        let session = world.open(known.as_deref().unwrap_or("")).await;
        let sessions = world.manager.sessions();
        match random.u8(..8) {
            0 => {
                let at = world.clock.now();
                let ending = crashing(polls, sessions.end_all(name)).await;
                if matches!(ending, Some(Ok(_))) {
                    self.ended = Some((at, None));
                }
                ending.is_some()
            }
            1 => {
                let ending = crashing(polls, sessions.end_others(&session)).await;
                if matches!(ending, Some(Ok(_))) {
                    self.ended = Some((world.clock.now(), known));
                }
                ending.is_some()
            }
            2 => {
                session.sign_out();
                let answer = crashing(polls, world.answer(&session, "POST")).await;
                answer.is_some()
            }
            _ => {
                let request = async {
                    session.sign_in(name).await.ok()?;
                    world.answer(&session, "POST").await.ok().flatten()
                };
                let cookie = crashing(polls, request).await;
                let is_done = cookie.is_some();
                self.cookies.extend(cookie.flatten());
                is_done
            }
        }
    }

    /// Checks the sessions of the user. Returns how many of the user's cookies open one.
    async fn check<S: SubjectStore + Clone>(&self, world: &World<S>, name: &str) -> usize {
        let listed = world.store.list(&SubjectDigest::of(name)).await.unwrap();
        let (ended_at, kept) = match &self.ended {
            Some((at, Some(cookie))) => (Some(*at), world.id(cookie).await),
            Some((at, None)) => (Some(*at), None),
            None => (None, None),
        };
        for (id, loaded) in &listed {
            let found = world.store.load(id, None, Freshness::Current).await;
            assert_eq!(found.unwrap().as_ref(), Some(loaded));
            let signed_in_at = loaded.record.signed_in_at();
            assert!(
                signed_in_at > ended_at || Some(id) == kept.as_ref(),
                "{name}"
            );
        }
        let mut live = 0;
        for cookie in &self.cookies {
            let session = world.open(cookie).await;
            if let Some(subject) = session.subject() {
                assert_eq!(subject, name);
                let id = session.id();
                assert!(
                    listed.iter().any(|(it, _)| Some(it) == id.as_ref()),
                    "{name}"
                );
                live += 1;
            }
        }
        live
    }
}
