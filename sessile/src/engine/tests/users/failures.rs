//! Sign-ins whose store fails, and sign-ins that are dropped.

use super::*;
use crate::engine::tests::dropped::at_each_await;

const FAULTS: [Fault; 3] = [Fault::Fail, Fault::NotSent, Fault::DoAndFail];

/// A browser without a session, one with a guest's, and one whose session another request changes meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Browser {
    New,
    Guest,
    GuestWithConflict,
}

const BROWSERS: [Browser; 3] = [Browser::New, Browser::Guest, Browser::GuestWithConflict];

impl Browser {
    async fn open(self, world: &World) -> Session {
        let cookie = world.stored().await;
        match self {
            Self::New => world.open("").await,
            Self::Guest => world.open(&cookie).await,
            Self::GuestWithConflict => {
                let session = world.open(&cookie).await;
                let other = world.open(&cookie).await;
                increment(&other);
                world.commit(&other).await;
                session
            }
        }
    }

    /// Whether it stays unknown if a write with this fault was stored.
    fn cannot_tell(self, fault: Fault) -> bool {
        self == Self::GuestWithConflict && fault != Fault::NotSent
    }

    fn n(self) -> Option<u32> {
        match self {
            Self::New => None,
            Self::Guest => Some(1),
            Self::GuestWithConflict => Some(2),
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_failed_is_stored_with_the_response() {
    for browser in BROWSERS {
        for fault in FAULTS {
            let world = World::new(|_| {});
            let session = browser.open(&world).await;
            session.insert("m", 1).unwrap();
            world.store.inject(fault);
            let error = session.sign_in("ferris").await.unwrap_err();
            let is_failure = matches!(error, SignInError::Save(_));
            assert!(is_failure, "{browser:?} {fault:?} {error:?}");
            if browser.cannot_tell(fault) {
                assert_eq!(world.failure(&session).await.status(), 503);
                assert!(world.ids("ferris").await.is_empty());
                continue;
            }
            let cookie = world.commit(&session).await.expect("it is signed in");
            let opened = world.open(&cookie).await;
            assert_eq!(
                opened.subject().as_deref(),
                Some("ferris"),
                "{browser:?} {fault:?}"
            );
            assert_eq!(
                opened.get("n").unwrap(),
                browser.n(),
                "{browser:?} {fault:?}"
            );
            assert_eq!(opened.get("m").unwrap(), Some(1), "{browser:?} {fault:?}");
            assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_failed_can_be_repeated() {
    for browser in BROWSERS {
        for fault in FAULTS {
            let world = World::new(|_| {});
            let session = browser.open(&world).await;
            world.store.inject(fault);
            assert!(session.sign_in("ferris").await.is_err());
            if browser.cannot_tell(fault) {
                assert!(session.sign_in("ferris").await.is_err());
                assert!(world.ids("ferris").await.is_empty());
                continue;
            }
            session.sign_in("ferris").await.unwrap();
            assert_eq!(session.subject().as_deref(), Some("ferris"));
            let cookie = world.commit(&session).await.unwrap();
            assert_eq!(world.n(&cookie).await, browser.n(), "{browser:?} {fault:?}");
            assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
        }
    }
}

#[tokio::test]
async fn a_sign_in_as_another_user_after_one_that_failed_shows_nothing_of_it() {
    for browser in BROWSERS {
        for fault in FAULTS {
            let world = World::new(|_| {});
            let session = browser.open(&world).await;
            world.store.inject(fault);
            assert!(session.sign_in("ferris").await.is_err());
            session.sign_in("corro").await.unwrap();
            let cookie = world.commit(&session).await.unwrap();
            assert_eq!(world.subject(&cookie).await.as_deref(), Some("corro"));
            assert!(
                world.ids("ferris").await.is_empty(),
                "{browser:?} {fault:?}"
            );
            assert_eq!(world.lists_what_opens("corro", &[cookie]).await, 1);
        }
    }
}

/// Nothing of one user is shown to the next, whether or not the next one gets in.
#[tokio::test]
async fn a_refused_sign_in_has_ended_the_session_of_another_user() {
    let world = World::limited(limit(1).refusing());
    world.signed_in("corro").await;
    let cookie = world.signed_in("ferris").await;
    let session = world.open(&cookie).await;
    session.insert("m", 1).unwrap();
    let refused = session.sign_in("corro").await.unwrap_err();
    assert!(matches!(
        refused,
        SignInError::Refused(Refusal::LimitReached)
    ));
    assert_eq!((session.subject(), session.entries().len()), (None, 0));
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
    assert_eq!(world.subject(&cookie).await, None);
    assert!(world.ids("ferris").await.is_empty());
}

/// Signs the user in with the cookie of a guest: the first of two clicks. The new cookie.
async fn click(world: &World, guest: &str) -> String {
    let session = world.open(guest).await;
    session.sign_in("ferris").await.unwrap();
    world.commit(&session).await.unwrap()
}

#[tokio::test]
async fn the_second_of_two_clicks_keeps_the_cart_if_only_the_response_stores_it() {
    for fault in FAULTS {
        for in_load in [false, true] {
            let world = World::new(|_| {});
            let guest = world.stored().await;
            let first = click(&world, &guest).await;
            let second = world.open(&guest).await;
            second.insert("m", 1).unwrap();
            match in_load {
                true => world.store.inject_into_load(fault),
                false => world.store.inject(fault),
            }
            assert!(second.sign_in("ferris").await.is_err());
            let second = world.commit(&second).await.unwrap();
            let opened = world.open(&second).await;
            assert_eq!(opened.subject().as_deref(), Some("ferris"));
            assert_eq!(json(&opened), r#"{"m":1,"n":1}"#, "{fault:?} {in_load}");
            assert_eq!(world.lists_what_opens("ferris", &[first, second]).await, 2);
        }
    }
}

#[tokio::test]
async fn the_second_of_two_clicks_is_not_acknowledged_without_the_cart() {
    let world = World::new(|_| {});
    let guest = world.stored().await;
    let first = click(&world, &guest).await;
    let second = world.open(&guest).await;
    world.store.inject(Fault::Fail);
    assert!(second.sign_in("ferris").await.is_err());
    world.store.inject_into_load(Fault::Fail);
    assert_eq!(world.failure(&second).await.status(), 503);
    assert_eq!(world.lists_what_opens("ferris", &[first]).await, 1);
}

#[tokio::test]
async fn the_second_of_two_clicks_keeps_the_cart_if_its_sign_in_is_dropped() {
    at_each_await(async |polls| {
        let world = World::new(|_| {});
        let guest = world.stored().await;
        let first = click(&world, &guest).await;
        let second = world.open(&guest).await;
        let done = within_polls(polls, second.sign_in("ferris")).await;
        let second = world.commit(&second).await;
        // Without a poll, the sign-in has not begun.
        assert_eq!(second.is_some(), polls > 0);
        let mut cookies = vec![first];
        if let Some(second) = second {
            assert_eq!(world.n(&second).await, Some(1), "{polls}");
            cookies.push(second);
        }
        let count = cookies.len();
        assert_eq!(world.lists_what_opens("ferris", &cookies).await, count);
        done.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_that_is_dropped_leaves_a_session_that_works() {
    for browser in BROWSERS {
        for limit in [limit(1), limit(1).refusing()] {
            at_each_await(async |polls| {
                let world = World::limited(limit);
                let session = browser.open(&world).await;
                let done = within_polls(polls, session.sign_in("ferris")).await;
                // The handler answers without it, or with it.
                let answered = world.answer(&session, "POST").await;
                let cookies: Vec<_> = answered.ok().flatten().into_iter().collect();
                for cookie in &cookies {
                    assert_eq!(world.n(cookie).await, browser.n(), "{browser:?} {polls}");
                }
                world.lists_what_opens("ferris", &cookies).await;
                done.is_some()
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_client_that_disconnects_during_its_sign_in_blocks_no_later_one() {
    for browser in BROWSERS {
        at_each_await(async |polls| {
            let world = World::limited(limit(1));
            let session = browser.open(&world).await;
            let done = within_polls(polls, session.sign_in("ferris")).await;
            drop(session);
            let cookie = world.signed_in("ferris").await;
            assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
            done.is_some()
        })
        .await;
    }
}

/// Under a limit that refuses, the crashed sign-in may have taken the place. Ending all frees it.
#[tokio::test]
async fn a_user_gets_in_again_after_a_crashed_sign_in_under_a_limit_of_one() {
    at_each_await(async |polls| {
        let world = World::limited(limit(1).refusing());
        let session = world.open("").await;
        let done = within_polls(polls, session.sign_in("ferris")).await;
        drop(session);
        world.tick();
        let next = world.open("").await;
        if let Err(error) = next.sign_in("ferris").await {
            let is_full = matches!(error, SignInError::Refused(Refusal::LimitReached));
            assert!(is_full, "{error:?}");
            let sessions = world.manager.sessions();
            sessions.end_all_and_sign_in(&next, "ferris").await.unwrap();
        }
        let cookie = world.commit(&next).await.unwrap();
        assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
        done.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_without_the_store_is_an_error() {
    let world = World::new(|settings| settings.on_store_failure = StoreFailurePolicy::ServeEmpty);
    let cookie = world.stored().await;
    world.store.inject_into_load(Fault::Fail);
    let session = world.open(&cookie).await;
    assert!(session.sign_in("ferris").await.is_err());
    assert_eq!(session.subject(), None);
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_sign_in_that_is_refused_after_a_failure_leaves_no_user() {
    for browser in BROWSERS {
        for fault in [Fault::Fail, Fault::NotSent] {
            for frees_the_place in [false, true] {
                let world = World::new(|_| {});
                let limiter = Limiter::new(limit(1).refusing());
                let settings = Settings::default().clock(world.clock.clone());
                let manager = SessionManager::with(
                    Arc::clone(&world.store),
                    world.key.clone(),
                    settings,
                    Some(limiter),
                );
                let world = World {
                    manager: manager.unwrap(),
                    ..world
                };
                let case = format!("{browser:?} {fault:?} {frees_the_place}");
                let first = world.open("").await;
                first.sign_in("ferris").await.unwrap();
                let first = world.commit(&first).await.unwrap();

                let session = browser.open(&world).await;
                session.insert("cart", 3).unwrap();
                world.store.inject(fault);
                let failed = session.sign_in("ferris").await.unwrap_err();
                assert!(matches!(failed, SignInError::Save(_)), "{case} {failed:?}");
                let refused = session.sign_in("ferris").await.unwrap_err();
                if browser.cannot_tell(fault) {
                    assert!(
                        matches!(refused, SignInError::Save(_)),
                        "{case} {refused:?}"
                    );
                    continue;
                }
                assert!(
                    matches!(refused, SignInError::Refused(Refusal::LimitReached)),
                    "{case} {refused:?}"
                );
                assert_eq!(session.subject(), None, "{case}");
                assert_eq!(session.authenticated_at(), None, "{case}");
                if frees_the_place {
                    let own = world.open(&first).await;
                    own.sign_out();
                    world.commit(&own).await;
                }
                let cookie = world.commit(&session).await.expect("the cart is stored");
                let opened = world.open(&cookie).await;
                assert_eq!(opened.subject(), None, "{case}");
                assert_eq!(opened.get("cart").unwrap(), Some(3), "{case}");
                assert_eq!(opened.get("n").unwrap(), browser.n(), "{case}");
            }
        }
    }
}
