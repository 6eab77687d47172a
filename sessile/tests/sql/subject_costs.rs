//! The cost of operations on the sessions of a subject, and what its marks cost guests.

use sessile::storage::{
    Freshness::Current, SessionId, SessionLimit, SessionStore as _, SignInWrite, SubjectDigest,
    SubjectStore as _, UpdateOutcome, Version,
};
use sessile_rig::proxy::Proxy;

use crate::{
    engine::{self, Server},
    sql::setup::{MINUTE, built, patient},
    subject_scenarios::{create, end, guest, is_live, listed, update, user},
};

/// On one thread, everything that one poll sends arrives at once.
#[tokio::test]
async fn operations_on_the_sessions_of_a_subject_are_few_round_trips() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(patient(server.url_on(proxy.port())).create_table(true)).await;
    let user = user("ferris", 7, "sid");
    let limit = SessionLimit::new(1).unwrap();
    // In the first round, connections are opened.
    for round in 0..3 {
        let mut counts = Vec::new();
        let mut count = || counts.push(proxy.take_requests().len());
        count();
        let session = create(&store, &user).await;
        count();
        let ferris = SubjectDigest::of("ferris");
        let load = store.load(&session.0, Some(&ferris), Current);
        assert!(load.await.unwrap().is_some());
        count();
        assert_eq!(
            update(&store, &session, &user).await,
            UpdateOutcome::Updated
        );
        count();
        listed(&store, "ferris").await;
        count();
        let id = SessionId::generate();
        let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
        store.sign_in(write, limit).await.unwrap();
        count();
        end(&store, "corro", round, None).await.unwrap();
        count();
        store.delete(&id).await.unwrap();
        let [_, create, load, update, list, sign_in, end] = counts[..] else {
            panic!("{counts:?}");
        };
        let expected = [
            1,
            1,
            1,
            1,
            engine::SIGN_IN_ROUND_TRIPS,
            engine::END_ROUND_TRIPS,
        ];
        let counts = [create, load, update, list, sign_in, end];
        assert!(round == 0 || counts == expected, "{counts:?}");
    }
}

/// The marks cost guests nothing: their statements read none.
#[tokio::test]
async fn marks_are_read_for_signed_in_sessions_only() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(patient(server.url_on(proxy.port())).create_table(true)).await;
    let (guest, user) = (guest(), user("ferris", 7, "sid"));
    // In the first round, connections are opened.
    for round in 0..3 {
        let mut counts = Vec::new();
        let mut count = || counts.push(proxy.take_requests().len());
        count();
        let (id, version) = create(&store, &guest).await;
        count();
        assert!(is_live(&store, &id).await);
        count();
        let next = Version::generate();
        let updating = store.update(&id, version, &guest, next, MINUTE);
        assert_eq!(updating.await.unwrap(), UpdateOutcome::Updated);
        count();
        let signed_in = Version::generate();
        let updating = store.update(&id, next, &user, signed_in, MINUTE);
        assert_eq!(updating.await.unwrap(), UpdateOutcome::Updated);
        count();
        // Without a hint, the store learns from the row that it has to read the marks.
        assert!(is_live(&store, &id).await);
        count();
        // A sign-out. The stored row has a subject, which the new one has not.
        let signed_in = (id, signed_in);
        assert_eq!(
            update(&store, &signed_in, &guest).await,
            UpdateOutcome::Updated
        );
        count();
        let expected = [1, 1, 1, 1, 2, 2];
        assert!(round == 0 || counts[1..] == expected, "{counts:?}");
    }
}
