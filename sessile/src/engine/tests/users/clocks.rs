//! Two servers whose clocks differ by 20 seconds.

use super::*;

const DIFFERENCE: Duration = Duration::from_secs(20);

/// A clock, and one that is ahead of it.
fn clocks() -> [ManualClock; 2] {
    let right = ManualClock::default();
    let ahead = ManualClock::starting_at(right.now());
    ahead.advance(DIFFERENCE);
    [right, ahead]
}

async fn what_was_acknowledged_has_ended<S: SubjectStore + Clone>(
    [ends, signs_in]: &[World<S>; 2],
) {
    let subject = subject();
    let cookies = [
        signs_in.signed_in(&subject).await,
        ends.signed_in(&subject).await,
    ];
    let in_flight = signs_in.open(&cookies[0]).await;
    ends.manager.sessions().end_all(&subject).await.unwrap();
    in_flight.insert("n", 1).unwrap();
    assert_eq!(signs_in.failure(&in_flight).await.status(), 409);
    for cookie in &cookies {
        for server in [ends, signs_in] {
            assert_eq!(server.subject(cookie).await, None);
        }
    }
    assert!(ends.ids(&subject).await.is_empty());
    // After the clocks have passed the mark, both servers sign the user in.
    for server in [ends, signs_in] {
        server.clock.advance(DIFFERENCE + Duration::from_secs(1));
        server.signed_in(&subject).await;
    }
    assert_eq!(ends.ids(&subject).await.len(), 2);
}

/// A sign-in is refused with 409 on a server whose clock is behind, until that clock has passed the time of the end.
async fn no_sign_in_that_was_acknowledged_is_dead<S: SubjectStore + Clone>(
    [signs_in, ends]: &[World<S>; 2],
) {
    let subject = subject();
    let in_flight = signs_in.open("").await;
    ends.manager.sessions().end_all(&subject).await.unwrap();
    for session in [in_flight, signs_in.open("").await] {
        let refused = session.sign_in(&subject).await;
        assert!(matches!(
            refused,
            Err(SignInError::Refused(Refusal::SubjectEnded))
        ));
    }
    assert!(ends.ids(&subject).await.is_empty());
    signs_in.clock.advance(DIFFERENCE);
    let session = signs_in.open("").await;
    assert!(session.sign_in(&subject).await.is_err());
    let cookie = signs_in.signed_in(&subject).await;
    assert_eq!(ends.lists_what_opens(&subject, &[cookie]).await, 1);
}

/// The exception: all sessions are ended while a sign-in is in flight on a server whose clock is ahead. Its session stays until
/// the next end.
async fn a_sign_in_in_flight_ahead_stays<S: SubjectStore + Clone>(
    [ends, signs_in]: &[World<S>; 2],
) {
    let subject = subject();
    let session = signs_in.open("").await;
    assert_eq!(ends.manager.sessions().end_all(&subject).await.unwrap(), 0);
    session.sign_in(&subject).await.unwrap();
    let cookie = signs_in.commit(&session).await.unwrap();
    assert_eq!(ends.lists_what_opens(&subject, &[cookie]).await, 1);
    assert_eq!(ends.manager.sessions().end_all(&subject).await.unwrap(), 1);
    assert!(ends.ids(&subject).await.is_empty());
}

pub(super) async fn clocks_may_differ<S: SubjectStore + Clone>(stores: &[S; 2]) {
    let patient = |settings: &mut Settings| settings.store_timeout = Duration::from_secs(120);
    let servers =
        |[first, second]: [&ManualClock; 2]| servers(stores, [first, second], None, patient);
    let [right, ahead] = clocks();
    what_was_acknowledged_has_ended(&servers([&right, &ahead])).await;
    let [right, ahead] = clocks();
    what_was_acknowledged_has_ended(&servers([&ahead, &right])).await;
    let [right, ahead] = clocks();
    no_sign_in_that_was_acknowledged_is_dead(&servers([&right, &ahead])).await;
    let [right, ahead] = clocks();
    a_sign_in_in_flight_ahead_stays(&servers([&right, &ahead])).await;
}

#[tokio::test]
async fn clocks_may_differ_in_memory() {
    let store = Arc::new(Faulty::new(&ManualClock::default()));
    clocks_may_differ(&[store.clone(), store]).await;
}
