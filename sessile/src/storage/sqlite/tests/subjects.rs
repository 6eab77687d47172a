use super::*;
use crate::{
    clock::Clock as _,
    storage::{
        EndOutcome, IterableStore as _, MARK_LIFETIME, Refusal, SessionLimit, SignInOutcome,
        SignInWrite, SubjectStore as _,
        sqlite::{
            marks::delete_some,
            subjects::{FIND_BY_LABEL, LIST, LIST_OTHERS},
        },
    },
};

/// Ends the sessions of a subject, whose newest sign-in was at 7.
async fn end(store: &SqliteSessionStore, subject: &str) {
    let ending = Timestamp::from_unix_millis(1);
    let subject = SubjectDigest::of(subject);
    let ended = store.end_subject(&subject, ending, None).await;
    assert!(matches!(ended.unwrap(), EndOutcome::Ended { .. }));
}

/// Creates a session that signed in at 7.
async fn sign_in(store: &SqliteSessionStore, subject: &str) -> CreateOutcome {
    let user = signed_in(subject, "sid-1");
    let (id, version) = (SessionId::generate(), Version::generate());
    store.create(&id, &user, version, MINUTE).await.unwrap()
}

const REFUSED: CreateOutcome = CreateOutcome::Refused(Refusal::SubjectEnded);

#[tokio::test]
async fn marks_survive_a_restart() {
    let database = Database::new();
    let store = database.open().await;
    let session = create(&store, &signed_in("ferris", "sid-1"), MINUTE).await;
    end(&store, "ferris").await;
    store.close().await.unwrap();
    let store = database.open().await;
    assert_eq!(sign_in(&store, "ferris").await, REFUSED);
    assert_eq!(stored(&store, &session.0).await, None);
    assert_eq!(sign_in(&store, "corro").await, CreateOutcome::Created);
}

#[tokio::test]
async fn a_clean_up_deletes_the_marks_that_have_expired() {
    let (clock, store) = in_memory().await;
    for subject in ["ferris", "corro"] {
        sign_in(&store, subject).await;
        end(&store, subject).await;
    }
    assert_eq!(
        store.end_everything(clock.now()).await.unwrap(),
        clock.now()
    );
    clock.advance(MARK_LIFETIME);
    assert_eq!(store.settle(9).await.unwrap().forgotten, 0);
    clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(store.settle(2).await.unwrap().forgotten, 2);
    assert_eq!(store.settle(2).await.unwrap().forgotten, 1);
    assert_eq!(sign_in(&store, "ferris").await, CreateOutcome::Created);
}

#[tokio::test]
async fn an_expired_row_is_deleted_as_well_in_case_the_clock_is_set_back() {
    let (clock, store) = in_memory().await;
    clock.advance(MINUTE);
    create(&store, &signed_in("ferris", "sid-1"), MINUTE).await;
    clock.advance(MINUTE);
    let ferris = SubjectDigest::of("ferris");
    let ended = store.end_subject(&ferris, clock.now(), None).await.unwrap();
    let (at, ids) = (clock.now(), Vec::new());
    assert_eq!(ended, EndOutcome::Ended { at, ids });
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn a_sign_in_that_fails_midway_changes_nothing() {
    let (_, store) = in_memory().await;
    let user = signed_in("ferris", "sid-1");
    let first = create(&store, &user, MINUTE).await;
    let (guest, expected) = create(&store, &record("a"), MINUTE).await;
    let new = SessionId::generate();
    let version = Version::generate();
    let writes = [
        SignInWrite::create(&new, &user, version, MINUTE),
        SignInWrite::update(&guest, expected, &user, version, MINUTE),
    ];
    let one = SessionLimit::new(1).unwrap();
    execute(
        &store,
        "CREATE TRIGGER t BEFORE DELETE ON sessile_sessions BEGIN SELECT raise(ABORT, 'no'); END",
    )
    .await;
    for write in writes {
        let failing = store.sign_in(write, one).await;
        assert!(!failing.unwrap_err().may_have_happened());
        let ended = store.end_everything(Timestamp::from_unix_millis(9)).await;
        assert!(ended.is_err());
        assert_eq!(rows(&store).await, 2);
        assert_eq!(stored(&store, &guest).await, Some(record("a")));
    }
    execute(&store, "DROP TRIGGER t").await;
    // No mark was left, and no savepoint.
    let displaced = vec![first.0];
    let stored = store.sign_in(writes[0], one).await.unwrap();
    assert_eq!(stored, SignInOutcome::Stored { displaced });
}

#[tokio::test]
async fn an_id_with_the_same_slot_is_taken_for_a_sign_in_and_displaces_nothing() {
    let (_, store) = in_memory().await;
    let user = signed_in("ferris", "sid-1");
    let first = create(&store, &user, MINUTE).await;
    let mut bytes = *first.0.as_bytes();
    bytes[15] ^= 1;
    let other = SessionId::from_bytes(bytes);
    let write = SignInWrite::create(&other, &user, Version::generate(), MINUTE);
    let outcome = store.sign_in(write, SessionLimit::new(1).unwrap()).await;
    assert_eq!(outcome.unwrap(), SignInOutcome::Taken);
    assert_eq!(stored(&store, &first.0).await, Some(user));
}

#[tokio::test]
async fn a_label_is_any_text() {
    let (_, store) = in_memory().await;
    for (label, escaped) in [
        ("a", "a"),
        ("A", "A"),
        ("a ", "a "),
        ("\0", "\\u0000"),
        ("ä", "ä"),
    ] {
        let session = create(&store, &signed_in("ferris", escaped), MINUTE).await;
        let found = store.find_by_label(label).await.unwrap();
        assert_eq!(found, [session.0], "{label:?}");
    }
}

#[tokio::test]
async fn lists_search_an_index() {
    let (_, store) = in_memory().await;
    for (statement, column) in [
        (LIST, "subject"),
        (LIST_OTHERS, "subject"),
        (FIND_BY_LABEL, "label"),
    ] {
        let search =
            format!("SEARCH sessile_sessions USING INDEX sessile_sessions_{column} ({column}=?)");
        let plan = plan(&store, statement).await;
        assert!(plan.contains(&search), "{plan:?}");
    }
}

/// Other requests write between two steps.
#[tokio::test]
async fn all_sessions_are_deleted_in_steps() {
    const SESSIONS: u64 = 1200;
    let (clock, store) = in_memory().await;
    for _ in 0..SESSIONS {
        create(&store, &record("guest"), MINUTE).await;
    }
    let step = on_writer(&store, |writer| delete_some(writer, i64::MIN, None));
    assert!(step.await.is_some());
    assert_eq!(store.count().await.unwrap(), SESSIONS - 500);
    // It signed in at 7.
    sign_in(&store, "ferris").await;
    let earlier = Some(Timestamp::from_unix_millis(6));
    store.delete_in_steps(earlier).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 1);
    store.end_everything(clock.now()).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 0);
}
