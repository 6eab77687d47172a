//! The sessions of users: on a store that fails and lets other requests run in between, and on every other one.

mod at_once;
mod bad_input;
mod clocks;
mod crashes;
mod failures;
mod last_use;
#[cfg(all(
    target_os = "linux",
    feature = "mysql-session",
    feature = "postgres-pool",
    feature = "redis-actor-session",
    feature = "redis-pool",
    feature = "sqlite-session"
))]
mod places;
mod queues;

use std::task::Poll;

use super::{dropped::within_polls, *};
use crate::{
    error::SignInError,
    storage::{Refusal, SessionLimit, SubjectDigest, SubjectStore},
};

/// A limit of the sessions of a user.
fn limit(max: u32) -> SessionLimit {
    SessionLimit::new(max).expect("it is more than zero")
}

/// A subject that no other test has.
fn subject() -> String {
    format!("user {}", SessionId::generate())
}

/// Two servers of an application, each with its store and its clock.
fn servers<S: SubjectStore + Clone>(
    stores: &[S; 2],
    clocks: [&ManualClock; 2],
    limit: Option<SessionLimit>,
    change: fn(&mut Settings),
) -> [World<S>; 2] {
    let key = SealingKey::generate();
    [0, 1].map(|index| {
        let (store, clock) = (stores[index].clone(), clocks[index].clone());
        let mut settings = Settings::default().clock(clock.clone());
        change(&mut settings);
        let limiter = limit.map(Limiter::new);
        World {
            manager: SessionManager::with(store.clone(), key.clone(), settings, limiter).unwrap(),
            store,
            clock,
            key: key.clone(),
        }
    })
}

/// The same with one store in memory, and one clock.
fn servers_in_memory(limit: Option<SessionLimit>, change: fn(&mut Settings)) -> [World; 2] {
    let clock = ManualClock::default();
    let store = Arc::new(Faulty::new(&clock));
    servers(&[store.clone(), store], [&clock, &clock], limit, change)
}

impl World {
    fn limited(limit: SessionLimit) -> Self {
        let [world, _] = servers_in_memory(Some(limit), |_| {});
        world
    }
}

impl<S: SubjectStore + Clone> World<S> {
    fn tick(&self) {
        self.clock.advance(Duration::from_millis(1));
    }

    /// Signs a user in, in a request of its own; the cookie.
    pub(super) async fn signed_in(&self, subject: &str) -> String {
        self.tick();
        let session = self.open("").await;
        session.sign_in(subject).await.unwrap();
        self.commit(&session).await.unwrap()
    }

    pub(super) async fn subject(&self, cookie: &str) -> Option<String> {
        self.open(cookie).await.subject()
    }

    pub(super) async fn ids(&self, subject: &str) -> Vec<SessionId> {
        let sessions = self.manager.sessions().list(subject).await.unwrap();
        sessions.iter().map(|it| it.id().clone()).collect()
    }

    /// Checks that the list of the user has the sessions that these cookies open, and no others. How many there are.
    async fn lists_what_opens(&self, subject: &str, cookies: &[String]) -> usize {
        let mut opened = Vec::new();
        for cookie in cookies {
            let session = self.open(cookie).await;
            if session.subject().as_deref() == Some(subject) {
                opened.extend(session.id());
            }
        }
        let sorted = |mut ids: Vec<SessionId>| {
            ids.sort_unstable_by_key(ToString::to_string);
            ids.dedup();
            ids
        };
        let listed = sorted(self.ids(subject).await);
        assert_eq!(listed, sorted(opened));
        listed.len()
    }
}

/// The outputs of futures that run at once.
pub(super) async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let running = futures.into_iter().map(|it| (Box::pin(it), None));
    let mut running: Vec<(_, Option<T>)> = running.collect();
    std::future::poll_fn(|cx| {
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                *output = Some(ready);
            }
        }
        match running.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
