//! Requests that run at the same time as a sign-out or a renewal.

use std::cell::Cell;

use super::{
    super::dropped::{at_each_await, within_polls},
    *,
};

#[tokio::test]
async fn a_change_in_flight_is_refused_after_a_sign_out() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let (changing, renewing, reading) = (
        listed.open(&cookie).await,
        listed.open(&cookie).await,
        listed.open(&cookie).await,
    );
    listed.purge(&cookie).await;
    increment(&changing);
    listed
        .world
        .refused(&changing, SessionClosedError::Ended)
        .await;
    renewing.renew();
    listed
        .world
        .refused(&renewing, SessionClosedError::Ended)
        .await;
    // The client did not ask for this change.
    increment(&reading);
    assert_eq!(listed.world.answer(&reading, "GET").await.unwrap(), None);
    assert_eq!(listed.world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_change_in_flight_is_refused_after_a_renewal() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let session = listed.open(&cookie).await;
    listed.renew(&cookie).await;
    increment(&session);
    listed
        .world
        .refused(&session, SessionClosedError::Ended)
        .await;
}

/// A request that opened a session just before its idle timeout of a day.
async fn opened_just_in_time() -> (Listed, String, Session) {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let day = Duration::from_secs(24 * 60 * 60);
    listed.world.clock.advance(day - Duration::from_millis(1));
    let session = listed.open(&cookie).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    (listed, cookie, session)
}

#[tokio::test]
async fn a_sign_out_with_an_expired_cookie_counts_for_the_changes_in_flight() {
    let (listed, cookie, changing) = opened_just_in_time().await;
    listed.tick();
    listed.purge(&cookie).await;
    increment(&changing);
    listed
        .world
        .refused(&changing, SessionClosedError::Ended)
        .await;
}

#[tokio::test]
async fn a_change_more_than_a_minute_after_the_end_is_refused() {
    const MINUTE: Duration = Duration::from_secs(60);
    const MOMENT: Duration = Duration::from_millis(1);
    for renews in [false, true] {
        for (wait, is_stored) in [(MINUTE, true), (MINUTE + MOMENT, false)] {
            let (listed, _, session) = opened_just_in_time().await;
            listed.world.clock.advance(wait);
            increment(&session);
            if renews {
                session.renew();
            }
            match is_stored {
                true => {
                    let cookie = listed.world.commit(&session).await.unwrap();
                    assert_eq!(listed.world.n(&cookie).await, Some(2), "{renews}");
                }
                false => {
                    listed
                        .world
                        .refused(&session, SessionClosedError::Ended)
                        .await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_cookie_is_not_sent_again_after_a_sign_out() {
    // Only the cookie is sent again, and the life of the session is extended.
    for wait in [Duration::ZERO, Duration::from_secs(12 * 3600)] {
        let listed = Listed::new(touching);
        let cookie = listed.world.stored().await;
        listed.world.clock.advance(wait);
        let (live, ended) = (listed.open(&cookie).await, listed.open(&cookie).await);
        let sent = listed.world.answer(&live, "GET").await.unwrap();
        assert!(sent.is_some());
        listed.purge(&cookie).await;
        assert_eq!(listed.world.answer(&ended, "GET").await.unwrap(), None);
    }
}

#[tokio::test]
async fn of_two_clicks_both_are_signed_in_with_the_cart() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let (first, second) = (listed.open(&old).await, listed.open(&old).await);
    first.sign_in("ferris").await.unwrap();
    second.sign_in("ferris").await.unwrap();
    for session in [first, second] {
        let cookie = listed.world.commit(&session).await.unwrap();
        let opened = listed.open(&cookie).await;
        assert_eq!(opened.subject().as_deref(), Some("ferris"));
        assert_eq!(opened.get("n").unwrap(), Some(1));
    }
    // A moment later, with the cookie from before.
    let late = listed.open(&old).await;
    late.sign_in("ferris").await.unwrap();
    let cookie = listed.world.commit(&late).await.unwrap();
    assert_eq!(
        listed.open(&cookie).await.subject().as_deref(),
        Some("ferris")
    );
}

#[tokio::test]
async fn of_two_renewals_each_has_a_session() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let (first, second) = (listed.open(&old).await, listed.open(&old).await);
    for session in [&first, &second] {
        session.renew();
        increment(session);
    }
    for session in [first, second] {
        let cookie = listed.world.commit(&session).await.unwrap();
        assert_eq!(listed.world.n(&cookie).await, Some(2));
    }
}

#[tokio::test]
async fn of_two_renewals_of_a_user_the_second_is_refused() {
    let listed = Listed::new(|_| {});
    let old = listed.signed_in("ferris").await;
    let (first, second) = (listed.open(&old).await, listed.open(&old).await);
    for session in [&first, &second] {
        session.insert("n", 1).unwrap();
        session.renew();
    }
    let cookie = listed.world.commit(&first).await.unwrap();
    listed
        .world
        .refused(&second, SessionClosedError::Superseded)
        .await;
    let opened = listed.open(&cookie).await;
    assert_eq!(opened.subject().as_deref(), Some("ferris"));
}

#[tokio::test]
async fn of_two_sign_ins_of_a_signed_in_user_both_keep_the_values() {
    let listed = Listed::new(|_| {});
    let session = listed.open(&listed.signed_in("ferris").await).await;
    session.insert("n", 1).unwrap();
    let old = listed.world.commit(&session).await.unwrap();
    let (first, second) = (listed.open(&old).await, listed.open(&old).await);
    for session in [first, second] {
        session.sign_in("ferris").await.unwrap();
        let cookie = listed.world.commit(&session).await.unwrap();
        let opened = listed.open(&cookie).await;
        assert_eq!(opened.subject().as_deref(), Some("ferris"));
        assert_eq!(opened.get("n").unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_sign_in_after_a_sign_out_begins_a_new_session() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let session = listed.open(&old).await;
    session.insert("greeting", "hello").unwrap();
    listed.purge(&old).await;
    session.sign_in("ferris").await.unwrap();
    let cookie = listed.world.commit(&session).await.unwrap();
    let opened = listed.open(&cookie).await;
    assert_eq!(opened.subject().as_deref(), Some("ferris"));
    assert_eq!(json(&opened), r#"{"greeting":"hello"}"#);
}

#[tokio::test]
async fn a_saved_session_that_ended_before_the_response_is_not_acknowledged() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let session = listed.open(&cookie).await;
    increment(&session);
    session.save().await.unwrap();
    listed.purge(&cookie).await;
    listed
        .world
        .refused(&session, SessionClosedError::Ended)
        .await;
}

#[tokio::test]
async fn parallel_sign_outs_all_succeed() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let mut sessions = Vec::new();
    for _ in 0..10 {
        sessions.push(listed.open(&cookie).await);
    }
    let purging = sessions.iter().map(|session| async {
        session.purge();
        listed.world.answer(session, "POST").await.unwrap()
    });
    for removal in super::super::users::all(purging).await {
        assert_eq!(removal.as_deref(), Some("id="));
    }
    assert_eq!(listed.world.n(&cookie).await, None);
}

/// Runs `first`, and `second` at one of its awaits, as two requests with the same cookie. The cookies of their responses,
/// and whether `first` was done before `second`.
async fn interleaved(
    listed: &Listed,
    old: &str,
    polls: usize,
    first: impl AsyncFn(&Session),
    second: impl AsyncFn(&Session),
) -> ([Result<Option<String>, SessionFailure>; 2], bool) {
    let (one, other) = (listed.open(old).await, listed.open(old).await);
    let mut running = pin!(async {
        first(&one).await;
        listed.world.answer(&one, "POST").await
    });
    let early = within_polls(polls, running.as_mut()).await;
    second(&other).await;
    let answer = listed.world.answer(&other, "POST").await;
    let is_done = early.is_some();
    let early = match early {
        Some(early) => early,
        None => running.await,
    };
    ([early, answer], is_done)
}

#[tokio::test]
async fn at_each_await_of_a_change_the_session_may_end() {
    for end in [Session::purge as fn(&Session), Session::renew] {
        at_each_await(async |polls| {
            let listed = Listed::new(|_| {});
            let old = listed.world.stored().await;
            let change = async |session: &Session| increment(session);
            let end = async |session: &Session| end(session);
            let (answers, is_done) = interleaved(&listed, &old, polls, change, end).await;
            let [changed, ended] = answers;
            ended.unwrap();
            match changed {
                Ok(cookie) => assert_eq!(listed.world.n(&cookie.unwrap()).await, None),
                Err(failure) => assert_eq!(failure.status(), 409),
            }
            assert_eq!(listed.world.n(&old).await, None);
            is_done
        })
        .await;
    }
}

#[tokio::test]
async fn at_each_await_of_a_renewal_the_session_may_end() {
    at_each_await(async |polls| {
        let listed = Listed::new(|_| {});
        let old = listed.world.stored().await;
        let renew = async |session: &Session| session.renew();
        let purge = async |session: &Session| session.purge();
        let (answers, is_done) = interleaved(&listed, &old, polls, renew, purge).await;
        let [renewed, purged] = answers;
        purged.unwrap();
        match renewed {
            Ok(cookie) => assert_eq!(listed.world.n(&cookie.unwrap()).await, None),
            Err(failure) => assert_eq!(failure.status(), 409),
        }
        assert_eq!(listed.world.n(&old).await, None);
        is_done
    })
    .await;
}

#[tokio::test]
async fn two_sign_ins_keep_their_promises_at_each_await() {
    for end in [Session::renew as fn(&Session), increment] {
        at_each_await(async |polls| {
            let listed = Listed::new(|_| {});
            let old = listed.world.stored().await;
            let sign_in = async |session: &Session| session.sign_in("ferris").await.unwrap();
            let end = async |session: &Session| end(session);
            let (answers, is_done) = interleaved(&listed, &old, polls, sign_in, end).await;
            let [signed_in, _] = answers;
            let cookie = signed_in.unwrap().unwrap();
            let session = listed.open(&cookie).await;
            assert_eq!(session.subject().as_deref(), Some("ferris"));
            assert_eq!(listed.world.n(&old).await, None);
            is_done
        })
        .await;
    }
}

#[tokio::test]
async fn a_sign_out_ends_what_signed_in_before_at_each_await() {
    at_each_await(async |polls| {
        let listed = Listed::new(|_| {});
        let old = listed.world.stored().await;
        let is_signed_in = Cell::new(false);
        let sign_in = async |session: &Session| {
            session.sign_in("ferris").await.unwrap();
            is_signed_in.set(true);
        };
        let signed_in_first = Cell::new(false);
        let purge = async |session: &Session| {
            signed_in_first.set(is_signed_in.get());
            session.purge();
        };
        let (answers, is_done) = interleaved(&listed, &old, polls, sign_in, purge).await;
        let [signed_in, purged] = answers;
        assert_eq!(purged.unwrap().as_deref(), Some("id="));
        match signed_in {
            Ok(cookie) if signed_in_first.get() => {
                assert_eq!(listed.open(&cookie.unwrap()).await.subject(), None);
            }
            Ok(_) => {}
            Err(failure) => assert_eq!(failure.status(), 409),
        }
        is_done
    })
    .await;
}

#[tokio::test]
async fn an_administrator_ends_a_session_by_the_id_from_before_two_renewals() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    let id = listed.world.id(&old).await.unwrap();
    let new = listed.renew(&listed.renew(&old).await).await;
    let sessions = listed.world.manager.sessions();
    sessions.end_by_id(&id).await.unwrap();
    assert_eq!(listed.world.n(&new).await, None);
}

/// For a socket that knows the id from before the renewal.
#[tokio::test]
async fn the_id_that_a_renewal_replaces_is_reported_as_ended() {
    let listed = Listed::new(|_| {});
    let cookie = listed.signed_in("ferris").await;
    let socket = listed.open(&cookie).await;
    let id = socket.id().unwrap();
    let mut events = listed.world.manager.events();
    let renewed = listed.renew(&cookie).await;
    let moved = events.next().await.unwrap().unwrap();
    assert_eq!(moved.kind, EventKind::Ended(EndCause::Moved));
    assert!(moved.may_end(&id, Some("ferris")));
    let event = events.next().await.unwrap().unwrap();
    assert_eq!(event.kind, EventKind::Renewed);
    assert_eq!(event.id, listed.world.id(&renewed).await);
    assert!(socket.reload().await.is_err());
}
