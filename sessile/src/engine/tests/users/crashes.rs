//! Requests that crash between any two operations of the store, for many users at once.

use std::collections::HashMap;

use super::*;
use crate::{clock::Timestamp, storage::SubjectStore as _};

/// How many sessions there are; 100,000 by `cargo xtask test --full`.
fn sessions() -> usize {
    const SESSIONS: usize = 3_000;
    std::env::var("SESSILE_TEST_CRASHES").map_or(SESSIONS, |number| number.parse().unwrap())
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
    for limit in [None, Some(limit(3)), Some(limit(3).refusing())] {
        run(limit).await;
    }
}

async fn run(limit: Option<SessionLimit>) {
    let mut random = fastrand::Rng::with_seed(17);
    let world = match limit {
        Some(limit) => World::limited(limit),
        None => World::new(|_| {}),
    };
    let manager_sessions = world.manager.sessions();
    let mut users = HashMap::<String, User>::new();
    let count = sessions();
    for _ in 0..count {
        world.tick();
        let name = format!("user {}", random.usize(..count / 10));
        let user = users.entry(name.clone()).or_default();
        let known = user.cookies.last().cloned().filter(|_| random.bool());
        let session = world.open(known.as_deref().unwrap_or("")).await;
        // Most requests are done by then.
        let polls = random.usize(..12);
        match random.u8(..8) {
            0 => {
                let at = world.clock.now();
                let ending = within_polls(polls, manager_sessions.end_all(&name)).await;
                if ending.is_some_and(|it| it.is_ok()) {
                    user.ended = Some((at, None));
                }
            }
            1 => {
                let ending = within_polls(polls, manager_sessions.end_others(&session)).await;
                if ending.is_some_and(|it| it.is_ok()) {
                    user.ended = Some((world.clock.now(), known));
                }
            }
            2 => {
                session.sign_out();
                within_polls(polls, world.answer(&session, "POST")).await;
            }
            _ => {
                let request = async {
                    session.sign_in(&name).await.ok()?;
                    world.answer(&session, "POST").await.ok().flatten()
                };
                user.cookies
                    .extend(within_polls(polls, request).await.flatten());
            }
        }
    }
    let mut opened = 0;
    for (name, user) in &users {
        opened += check(&world, name, user, limit).await;
    }
    assert!(opened > count / 50, "only {opened} sessions are left");
}

/// How many of the user's cookies open a session.
async fn check(world: &World, name: &str, user: &User, limit: Option<SessionLimit>) -> usize {
    let listed = world
        .store
        .memory
        .list(&SubjectDigest::of(name))
        .await
        .unwrap();
    assert!(limit.is_none_or(|limit| listed.len() <= limit.max() as usize));
    let ids: Vec<_> = listed.iter().map(|(id, _)| id.clone()).collect();
    for (id, loaded) in &listed {
        let found = world.store.memory.load(id, None, Freshness::Current).await;
        assert_eq!(found.unwrap().as_ref(), Some(loaded));
    }
    let exempt = user.ended.as_ref().and_then(|(_, kept)| kept.as_deref());
    let exempt = match exempt {
        Some(cookie) => world.id(cookie).await,
        None => None,
    };
    for (id, loaded) in &listed {
        let signed_in_at = loaded.record.signed_in_at().unwrap();
        let is_ended = user
            .ended
            .as_ref()
            .is_some_and(|(at, _)| signed_in_at <= *at);
        assert!(!is_ended || Some(id) == exempt.as_ref(), "{name}");
    }
    let mut opened = 0;
    for cookie in &user.cookies {
        let session = world.open(cookie).await;
        if session.subject().is_some() {
            assert_eq!(session.subject().as_deref(), Some(name));
            assert!(ids.contains(&session.id().unwrap()), "{name}");
            opened += 1;
        }
    }
    opened
}
