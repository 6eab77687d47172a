//! Many requests of one user at once, on two servers.
//!
//! `cargo xtask test --full users::at_once` makes 50 rounds on every store that finds the sessions of users: 50 sign-ins at
//! once, under a limit of 3 that ends the earliest session and under one that refuses the new one, and an end of all sessions
//! while 20 requests and 5 sign-ins are in flight. All rounds passed in memory, on SQLite, on PostgreSQL and MariaDB alone and
//! with a pool, and on Redis: one server, behind sentinels, through an actor, and a cluster.

use std::cell::Cell;

use tokio::task::yield_now;

use super::*;

type Reply = Result<Option<String>, SessionFailure>;

/// Signs the user in and answers the request.
async fn sign_in<S: SubjectStore + Clone>(
    world: &World<S>,
    session: Session,
    subject: &str,
    pauses: usize,
) -> Reply {
    for _ in 0..pauses {
        yield_now().await;
    }
    // What a handler does: a sign-in that is refused is shown to the user.
    drop(session.sign_in(subject).await);
    world.answer(&session, "POST").await
}

/// 50 sign-ins under a limit of 3, some of them from one browser. The cookies that the browsers got.
async fn signed_in_at_once<S: SubjectStore + Clone>(
    servers: &[World<S>; 2],
    subject: &str,
    round: usize,
) -> Vec<String> {
    let guest = servers[0].stored().await;
    let mut requests = Vec::new();
    for number in 0..50 {
        let world = &servers[number % 2];
        world.tick();
        let cookie = if number % 5 == 0 { &*guest } else { "" };
        let session = world.open(cookie).await;
        requests.push(sign_in(world, session, subject, number * round % 7));
    }
    let replies = all(requests).await.into_iter();
    replies.filter_map(Result::ok).flatten().collect()
}

pub(super) async fn limits_are_exact<S: SubjectStore + Clone>(
    servers: impl Fn(Option<SessionLimit>) -> [World<S>; 2],
    rounds: usize,
) {
    for limit in [limit(3), limit(3).refusing()] {
        let servers = servers(Some(limit));
        for round in 0..rounds {
            let subject = subject();
            let cookies = signed_in_at_once(&servers, &subject, round).await;
            for world in &servers {
                let alive = world.lists_what_opens(&subject, &cookies).await;
                assert_eq!(alive, 3, "round {round} under {limit:?}");
            }
        }
    }
}

/// What a request in flight does.
async fn use_session<S: SubjectStore + Clone>(
    world: &World<S>,
    session: Session,
    subject: &str,
    number: usize,
) -> Reply {
    for _ in 0..number % 9 {
        yield_now().await;
    }
    match number % 5 {
        0 => session.insert(format!("n{number}"), number).unwrap(),
        1 => drop(session.save().await),
        2 => session.renew(),
        3 => drop(session.sign_in(subject).await),
        _ => drop(session.reload().await),
    }
    world.answer(&session, "POST").await
}

/// Ends all sessions while 20 requests and 5 sign-ins are in flight, as soon as `answered` of them have been answered.
pub(super) async fn nothing_is_left<S: SubjectStore + Clone>(
    servers: &[World<S>; 2],
    answered: usize,
) {
    let [first, second] = servers;
    let (subject, replies) = (subject(), Cell::new(0));
    let mut cookies = Vec::new();
    for number in 0..4 {
        cookies.push(servers[number % 2].signed_in(&subject).await);
    }
    first.tick();
    let mut in_flight = Vec::new();
    for number in 0..25 {
        let world = &servers[number % 2];
        let cookie = cookies.get(number % 5).filter(|_| number % 5 < 4);
        let session = world.open(cookie.map_or("", |it| it)).await;
        let (subject, replies) = (&subject, &replies);
        in_flight.push(async move {
            let reply = match cookie {
                Some(_) => use_session(world, session, subject, number / 5 + number).await,
                None => sign_in(world, session, subject, number / 2).await,
            };
            replies.set(replies.get() + 1);
            reply
        });
    }
    let ending = async {
        while replies.get() < answered {
            yield_now().await;
        }
        second.manager.sessions().end_all(&subject).await.unwrap();
        for cookie in &cookies {
            assert_eq!(first.subject(cookie).await, None, "{answered} answered");
        }
        assert!(first.ids(&subject).await.is_empty(), "{answered} answered");
        // Only a sign-in whose request begins now is allowed.
        first.tick();
        let later = first.open("").await;
        sign_in(first, later, &subject, 0).await.unwrap().unwrap()
    };
    let (replies, later) = tokio::join!(all(in_flight), ending);
    cookies.extend(replies.into_iter().filter_map(Result::ok).flatten());
    for cookie in &cookies {
        assert_eq!(second.subject(cookie).await, None, "{answered} answered");
    }
    cookies.push(later);
    for world in servers {
        assert_eq!(world.lists_what_opens(&subject, &cookies).await, 1);
    }
}

#[tokio::test]
async fn of_fifty_sign_ins_at_once_as_many_as_are_allowed_stay() {
    limits_are_exact(|limit| servers_in_memory(limit, |_| {}), 10).await;
}

#[tokio::test]
async fn ending_all_leaves_nothing_of_what_was_in_flight() {
    for round in 0..50 {
        nothing_is_left(&servers_in_memory(None, touching), round % 20).await;
    }
}

#[tokio::test]
async fn of_two_devices_that_end_all_others_at_once_one_stays() {
    for pauses in 0..6 {
        let world = World::new(|_| {});
        let cookies = [
            world.signed_in("ferris").await,
            world.signed_in("ferris").await,
        ];
        let (phone, laptop) = (world.open(&cookies[0]).await, world.open(&cookies[1]).await);
        let sessions = world.manager.sessions();
        let end = async |session: &Session, pauses: usize| {
            for _ in 0..pauses {
                yield_now().await;
            }
            sessions.end_others(session).await.is_ok()
        };
        let (first, second) = tokio::join!(end(&phone, 2), end(&laptop, pauses));
        assert!(first != second, "{pauses}");
        assert_eq!(world.lists_what_opens("ferris", &cookies).await, 1);
    }
}
