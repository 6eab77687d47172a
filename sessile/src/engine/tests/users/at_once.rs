//! Many requests of one user at once.

use tokio::task::yield_now;

use super::*;

type Reply = Result<Option<String>, SessionFailure>;

/// Signs the user in and answers the request.
async fn sign_in(world: &World, session: Session, pauses: usize) -> Option<String> {
    for _ in 0..pauses {
        yield_now().await;
    }
    // What a handler does: a sign-in that is refused is shown to the user.
    drop(session.sign_in("ferris").await);
    world.answer(&session, "POST").await.ok().flatten()
}

#[tokio::test]
async fn of_fifty_sign_ins_at_once_as_many_as_are_allowed_stay() {
    for round in 0..10 {
        let world = World::limited(limit(3));
        let guest = world.stored().await;
        let mut requests = Vec::new();
        for number in 0..50 {
            world.tick();
            // Some of them come from one browser.
            let cookie = if number % 5 == 0 { &*guest } else { "" };
            requests.push(sign_in(
                &world,
                world.open(cookie).await,
                number * round % 7,
            ));
        }
        let cookies: Vec<_> = all(requests).await;
        let cookies: Vec<_> = cookies.into_iter().flatten().collect();
        assert_eq!(world.lists_what_opens("ferris", &cookies).await, 3);
    }
}

#[tokio::test]
async fn of_fifty_sign_ins_at_once_all_others_are_refused() {
    let world = World::limited(limit(3).refusing());
    let mut requests = Vec::new();
    for number in 0..50 {
        requests.push(sign_in(&world, world.open("").await, number % 7));
    }
    let cookies: Vec<_> = all(requests).await;
    let cookies: Vec<_> = cookies.into_iter().flatten().collect();
    assert_eq!(cookies.len(), 3);
    assert_eq!(world.lists_what_opens("ferris", &cookies).await, 3);
}

/// What a request in flight does.
async fn use_session(world: &World, session: Session, number: usize) -> Reply {
    for _ in 0..number % 9 {
        yield_now().await;
    }
    match number % 5 {
        0 => session.insert(format!("n{number}"), number).unwrap(),
        1 => drop(session.save().await),
        2 => session.renew(),
        3 => drop(session.sign_in("ferris").await),
        _ => drop(session.reload().await),
    }
    world.answer(&session, "POST").await
}

#[tokio::test]
async fn ending_all_leaves_nothing_of_what_was_in_flight() {
    for round in 0..50 {
        let world = World::new(touching);
        let mut cookies = Vec::new();
        for _ in 0..4 {
            cookies.push(world.signed_in("ferris").await);
        }
        world.tick();
        let mut in_flight = Vec::new();
        for number in 0..20 {
            let session = world.open(&cookies[number % 4]).await;
            in_flight.push(use_session(&world, session, number));
        }
        let mut sign_ins = Vec::new();
        for number in 0..5 {
            sign_ins.push(sign_in(&world, world.open("").await, 2 * number));
        }
        let ending = async {
            for _ in 0..round % 12 {
                yield_now().await;
            }
            world.manager.sessions().end_all("ferris").await.unwrap();
            // Only a sign-in whose request begins now is allowed.
            assert!(world.ids("ferris").await.is_empty(), "round {round}");
            world.tick();
            let later = world.open("").await;
            sign_in(&world, later, 0).await.unwrap()
        };
        let (replies, signed_in, later) = tokio::join!(all(in_flight), all(sign_ins), ending);
        cookies.extend(replies.into_iter().filter_map(Result::ok).flatten());
        cookies.extend(signed_in.into_iter().flatten());
        for cookie in &cookies {
            assert_eq!(world.subject(cookie).await, None, "round {round}");
        }
        cookies.push(later);
        assert_eq!(world.lists_what_opens("ferris", &cookies).await, 1);
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
