//! The sessions of a subject: what ends them, and limits.

use sessile::storage::{
    CreateOutcome, Refusal, SessionId, SessionLimit, SessionStore as _, SignInOutcome, SignInWrite,
    StoreErrorKind, SubjectDigest, SubjectStore as _, UpdateOutcome, Version,
};
use sessile_rig::proxy::{Fault, Proxy};

use crate::{
    conditions::ISOLATIONS,
    engine::{self, Server},
    log::Log,
    sql::setup::{MINUTE, built, failed, in_time, patient, rows, store},
    subject_scenarios::{
        at, create, end, guest, is_live, listed, scenarios, subject, update, user,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scenarios_under_any_isolation() {
    for setting in ISOLATIONS {
        let server = Server::start_with(&[setting]).unwrap();
        scenarios(&[store(&server).await, store(&server).await]).await;
    }
}

#[tokio::test]
async fn marks_survive_a_crash() {
    let mut server = Server::start().unwrap();
    let store = store(&server).await;
    let subject = subject();
    let user = user(&subject, 1, "sid");
    let session = create(&store, &user).await;
    end(&store, &subject, 1, None).await.unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    let refused = CreateOutcome::Refused(Refusal::SubjectEnded);
    let created = in_time(async {
        loop {
            let version = Version::generate();
            match store
                .create(&SessionId::generate(), &user, version, MINUTE)
                .await
            {
                Ok(outcome) => break outcome,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(created.await, refused);
    assert!(!is_live(&store, &session.0).await);
}

#[tokio::test]
async fn a_list_without_an_unreadable_session_logs_a_warning() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let subject = subject();
    create(&store, &user(&subject, 1, "sid")).await;
    server
        .execute("UPDATE sessile_sessions SET record = 'garbage'")
        .unwrap();
    let log = Log::of_warnings();
    assert!(listed(&store, &subject).await.is_empty());
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("can't be decoded"), "{lines:?}");
}

/// The number of marks.
fn marks(server: &Server) -> String {
    let count = "SELECT count(*) FROM sessile_sessions_marks";
    server.execute(count).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_clean_up_deletes_the_marks_that_have_expired() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let old: Vec<_> = (0..7).map(|_| subject()).collect();
    for subject in &old {
        end(&store, subject, 1, None).await.unwrap();
    }
    server
        .execute("UPDATE sessile_sessions_marks SET expires_at = 5")
        .unwrap();
    end(&store, "ferris", 1, None).await.unwrap();
    assert_eq!(marks(&server), "8");
    assert_eq!(store.delete_expired(3).await.unwrap(), 0);
    assert_eq!(marks(&server), "1");
    let refused = CreateOutcome::Refused(Refusal::SubjectEnded);
    for (subject, expected) in [
        (old[0].as_str(), CreateOutcome::Created),
        ("ferris", refused),
    ] {
        let (id, version) = (SessionId::generate(), Version::generate());
        let user = user(subject, 1, "sid");
        let created = store.create(&id, &user, version, MINUTE).await.unwrap();
        assert_eq!(created, expected);
    }
}

#[tokio::test]
async fn a_mark_is_kept_for_longer_than_a_session_lives() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    create(&store, &guest()).await;
    end(&store, "ferris", 1, None).await.unwrap();
    // The session lives for an hour.
    let longest = 400_u64 * 24 * 3600 * 1000;
    let difference = "SELECT (SELECT expires_at FROM sessile_sessions_marks)
        - (SELECT expires_at FROM sessile_sessions)";
    let difference = server.execute(difference).unwrap();
    assert!(difference.trim().parse::<u64>().unwrap() > longest);
}

#[tokio::test]
async fn a_row_that_a_mark_has_ended_is_not_there() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let subject = subject();
    let session = create(&store, &user(&subject, 5, "sid")).await;
    let kept = create(&store, &user(&subject, 6, "sid")).await;
    assert!(
        end(&store, &subject, 6, Some(&(kept.0.clone(), 6)))
            .await
            .is_some()
    );
    // As if a statement that began before the mark had stored the session.
    let revive = format!(
        "INSERT INTO sessile_sessions SELECT {}, version, due_at, expires_at, subject, 6, label, record
             FROM sessile_sessions",
        engine::id_literal(&session.0)
    );
    server.execute(&revive).unwrap();
    assert_eq!(rows(&server), 2);
    let ended = (session.0, kept.1);
    assert!(!is_live(&store, &ended.0).await);
    let left = std::slice::from_ref(&kept.0);
    assert_eq!(listed(&store, &subject).await, left);
    assert_eq!(store.find_by_label("sid").await.unwrap(), left);
    assert_eq!(
        update(&store, &ended, &guest()).await,
        UpdateOutcome::Missing
    );
    let keeping = end(&store, &subject, 7, Some(&(ended.0.clone(), 6))).await;
    assert_eq!(keeping, None);
    // It counts for no limit.
    let (id, user) = (SessionId::generate(), user(&subject, 8, "sid"));
    let write = SignInWrite::create(&id, &user, Version::generate(), MINUTE);
    let two = SessionLimit::new(2).unwrap().refusing();
    let displaced = Vec::new();
    let stored = SignInOutcome::Stored { displaced };
    assert_eq!(store.sign_in(write, two).await.unwrap(), stored);
}

#[tokio::test]
async fn everything_ends_however_many_sessions_there_are() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    server.execute(&engine::insert_expired(2500)).unwrap();
    let session = create(&store, &user("ferris", 7, "sid")).await;
    let guest = create(&store, &guest()).await;
    assert_eq!(store.end_everything(at(5)).await.unwrap(), at(7));
    assert_eq!(rows(&server), 0);
    let expected = UpdateOutcome::Refused(Refusal::SubjectEnded);
    assert_eq!(
        update(&store, &session, &user("ferris", 7, "sid")).await,
        expected
    );
    assert_eq!(
        update(&store, &guest, &user("corro", 8, "sid")).await,
        UpdateOutcome::Missing
    );
    assert_eq!(store.end_everything(at(5)).await.unwrap(), at(7));
    create(&store, &user("ferris", 8, "sid")).await;
    assert_eq!(listed(&store, "ferris").await.len(), 1);
}

/// A digest that is all zeros has a mark of its own.
#[tokio::test]
async fn the_mark_of_one_subject_is_not_that_of_all() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let zeros = SubjectDigest::from_bytes([0; 16]);
    store.end_subject(&zeros, at(100), None).await.unwrap();
    let session = create(&store, &user("ferris", 7, "sid")).await;
    assert!(is_live(&store, &session.0).await);
}

#[tokio::test]
async fn a_label_is_any_text() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    for label in ["a", "A", "a ", "'; --", "ä", "a\u{308}", "\u{0}"] {
        // JSON writes a character as four digits.
        let escape = |character| format!("\\u{:04x}", u32::from(character));
        let escaped: String = label.chars().map(escape).collect();
        let session = create(&store, &user("ferris", 7, &escaped)).await;
        assert_eq!(
            store.find_by_label(label).await.unwrap(),
            [session.0],
            "{label:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_whose_reply_is_lost_is_stored_once() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(patient(server.url_on(proxy.port())).create_table(true)).await;
    let user = user("ferris", 7, "sid");
    let one = SessionLimit::new(1).unwrap();
    let stored = |displaced| SignInOutcome::Stored { displaced };
    // Opens the connection.
    let first = SessionId::generate();
    let write = SignInWrite::create(&first, &user, Version::generate(), MINUTE);
    assert_eq!(store.sign_in(write, one).await.unwrap(), stored(vec![]));

    let (id, expected) = create(&store, &guest()).await;
    proxy.inject(Fault::CutBeforeReply);
    let write = SignInWrite::update(&id, expected, &user, Version::generate(), MINUTE);
    let outcome = store.sign_in(write, one).await.unwrap();
    // The first attempt ended the other session, or was cut before it did.
    let outcomes = [stored(vec![]), stored(vec![first])];
    assert!(outcomes.contains(&outcome), "{outcome:?}");
    assert_eq!(listed(&store, "ferris").await, [id]);
    assert_eq!(proxy.pending_faults(), 0);

    let new = SessionId::generate();
    proxy.inject(Fault::CutBeforeReply);
    let write = SignInWrite::create(&new, &user, Version::generate(), MINUTE);
    let error = failed(store.sign_in(write, one).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.may_have_happened());
    assert_eq!(listed(&store, "ferris").await.len(), 1);
}

#[tokio::test]
async fn a_sign_in_without_a_subject_is_an_error() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let (id, guest) = (SessionId::generate(), guest());
    let write = SignInWrite::create(&id, &guest, Version::generate(), MINUTE);
    let error = failed(store.sign_in(write, SessionLimit::new(1).unwrap()).await);
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(!error.may_have_happened());
}
