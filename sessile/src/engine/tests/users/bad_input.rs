//! What attackers and careless clients send.

use super::*;
use crate::error::EndOthersError;

#[tokio::test]
async fn a_subject_that_is_empty_or_too_long_is_refused() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    session.insert("cart", 3).unwrap();
    for len in [0, 256, 64 * 1024] {
        let subject = "f".repeat(len);
        let refused = session.sign_in(&subject).await.unwrap_err();
        let SignInError::InvalidSubject(error) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.len, len);
        assert_eq!(session.subject(), None);
        assert!(world.ids(&subject).await.is_empty());
    }
    assert_eq!(world.store.take_counts(), (0, 0));
    let longest = "f".repeat(255);
    session.sign_in(&longest).await.unwrap();
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.subject(&cookie).await, Some(longest));
}

#[tokio::test]
async fn subjects_that_look_alike_are_apart() {
    let world = World::new(|_| {});
    let subjects = [
        "ferris",
        "Ferris",
        "ferris ",
        " ferris",
        "ferri\u{455}",
        "f\u{e9}rris",
        "fe\u{301}rris",
        "ferris\0",
        "ferris\n",
        "{ferris}",
        "fer:ris",
        "fer*is",
        "%",
        "'; --",
        "\u{1f980}",
    ];
    let mut cookies = Vec::new();
    for subject in subjects {
        cookies.push(world.signed_in(subject).await);
    }
    for (index, subject) in subjects.iter().enumerate() {
        let opened = world.open(&cookies[index]).await;
        assert_eq!(opened.subject().as_deref(), Some(*subject));
        assert_eq!(world.ids(subject).await, [opened.id().unwrap()]);
        assert_eq!(world.manager.sessions().end_all(subject).await.unwrap(), 1);
        for (other, cookie) in cookies.iter().enumerate() {
            let is_alive = world.subject(cookie).await.is_some();
            assert_eq!(is_alive, other > index, "{subject:?} {:?}", subjects[other]);
        }
    }
}

/// The attacker keeps renewing the session that it planted, before, during and after the sign-in.
#[tokio::test]
async fn a_planted_session_that_is_renewed_again_and_again_opens_nothing() {
    for renewals in 0..4 {
        for pause in [0, 20, 3600] {
            let world = World::new(|_| {});
            let planted = world.stored().await;
            let mut attackers = vec![planted.clone()];
            let renew = async |attackers: &mut Vec<String>| {
                let session = world.open(attackers.last().unwrap()).await;
                session.renew();
                attackers.extend(world.answer(&session, "POST").await.ok().flatten());
            };
            for _ in 0..renewals {
                renew(&mut attackers).await;
                world.clock.advance(Duration::from_secs(pause));
            }
            let session = world.open(&planted).await;
            let racing = world.open(attackers.last().unwrap()).await;
            racing.renew();
            attackers.extend(world.answer(&racing, "POST").await.ok().flatten());
            session.insert("card", "4111").unwrap();
            session.sign_in("ferris").await.unwrap();
            renew(&mut attackers).await;
            let cookie = world.commit(&session).await.unwrap();
            renew(&mut attackers).await;

            assert_eq!(world.subject(&cookie).await.as_deref(), Some("ferris"));
            for attacker in &attackers {
                let opened = world.open(attacker).await;
                assert_eq!(opened.subject(), None);
                assert!(!opened.contains_key("card"));
            }
            // Nor does it end or change the session of the user.
            let last = world.open(attackers.last().unwrap()).await;
            last.purge();
            world.commit(&last).await;
            assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
        }
    }
}

/// The attacker plants a session in which it is signed in itself.
#[tokio::test]
async fn a_planted_session_of_the_attacker_learns_nothing() {
    let world = World::new(|_| {});
    let planted = world.signed_in("mallory").await;
    let session = world.open(&planted).await;
    session.insert("note", "planted").unwrap();
    session.sign_in("ferris").await.unwrap();
    assert!(session.entries().is_empty());
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.subject(&planted).await, None);
    assert_eq!(world.subject(&cookie).await.as_deref(), Some("ferris"));
    assert!(world.ids("mallory").await.is_empty());
}

#[tokio::test]
async fn a_second_click_counts_within_the_limit() {
    for pause in [0, 1, 20, 3600] {
        for max in [1, 2] {
            let world = World::limited(limit(max));
            let guest = world.stored().await;
            let (first, second) = (world.open(&guest).await, world.open(&guest).await);
            first.sign_in("ferris").await.unwrap();
            let mut cookies = vec![world.commit(&first).await.unwrap()];
            world.clock.advance(Duration::from_secs(pause));
            second.sign_in("ferris").await.unwrap();
            cookies.push(world.commit(&second).await.unwrap());
            let third = world.open(&guest).await;
            third.sign_in("ferris").await.unwrap();
            cookies.push(world.commit(&third).await.unwrap());
            let alive = world.lists_what_opens("ferris", &cookies).await;
            assert_eq!(alive, max as usize);
            assert_eq!(world.subject(&cookies[2]).await.as_deref(), Some("ferris"));
        }
    }
}

#[tokio::test]
async fn ending_all_in_the_own_request_refuses_a_plain_sign_in() {
    let world = World::new(|_| {});
    let stolen = world.signed_in("ferris").await;
    let own = world.signed_in("ferris").await;
    let sessions = world.manager.sessions();
    for cookie in ["", &*own] {
        let session = world.open(cookie).await;
        sessions.end_all("ferris").await.unwrap();
        let refused = session.sign_in("ferris").await.unwrap_err();
        assert!(matches!(
            refused,
            SignInError::Refused(Refusal::SubjectEnded)
        ));
        sessions
            .end_all_and_sign_in(&session, "ferris")
            .await
            .unwrap();
        let cookie = world.commit(&session).await.unwrap();
        assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
    }
    assert_eq!(world.subject(&stolen).await, None);
}

#[tokio::test]
async fn only_the_session_that_is_current_ends_the_others() {
    let world = World::new(|_| {});
    let phone = world.signed_in("ferris").await;
    let sessions = world.manager.sessions();
    let laptop = world.signed_in("ferris").await;
    let (old, other) = (world.open(&phone).await, world.open(&phone).await);
    other.sign_in("ferris").await.unwrap();
    let phone = world.commit(&other).await.unwrap();
    old.insert("n", 1).unwrap();
    assert!(old.save().await.is_err());
    let refused = sessions.end_others(&old).await.unwrap_err();
    let expected = SessionClosedError::Superseded;
    assert!(matches!(refused, EndOthersError::Closed(error) if error == expected));
    assert_eq!(world.ids("ferris").await.len(), 2);
    for cookie in [phone, laptop] {
        assert_eq!(world.subject(&cookie).await.as_deref(), Some("ferris"));
    }
}
