use super::*;
use crate::storage::sqlite::cleanup::{DELETE, DELETE_AND_RETURN, POSTPONE};
use crate::{
    clock::Clock as _,
    engine::{EndCause, EventKind},
};

/// Creates five sessions for a minute, and extends their lifetime to two.
async fn extend_five(store: &SqliteSessionStore) {
    for _ in 0..5 {
        let session = create(store, &record("a"), MINUTE).await;
        update(store, &session, &record("b"), 2 * MINUTE)
            .await
            .unwrap();
    }
}

/// How long after `now` the only row is due.
async fn due_in(store: &SqliteSessionStore) -> Duration {
    let due_at = on_writer(store, |writer| {
        writer.query_one("SELECT due_at FROM sessile_sessions", [], |row| row.get(0))
    });
    let due_at: i64 = due_at.await;
    let due_at = Timestamp::from_unix_millis(due_at.cast_unsigned());
    due_at.saturating_duration_since(store.0.clock.now())
}

#[tokio::test]
async fn expired_sessions_are_deleted_in_batches() {
    let (clock, store) = in_memory().await;
    for _ in 0..5 {
        create(&store, &record("short"), MINUTE).await;
    }
    let (long, _) = create(&store, &record("long"), 2 * MINUTE).await;
    assert_eq!(store.delete_expired(100).await.unwrap(), 0);

    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(0).await.unwrap(), 0);
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    assert_eq!(store.delete_expired(3).await.unwrap(), 2);
    assert_eq!(store.delete_expired(3).await.unwrap(), 0);
    assert!(stored(&store, &long).await.is_some());
}

#[tokio::test]
async fn only_clean_up_moves_when_an_extended_session_is_due() {
    let (clock, store) = in_memory().await;
    let session = create(&store, &record("a"), MINUTE).await;
    assert_eq!(due_in(&store).await, MINUTE);
    update(&store, &session, &record("b"), 3 * MINUTE)
        .await
        .unwrap();
    assert_eq!(due_in(&store).await, MINUTE);

    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 0);
    assert_eq!(due_in(&store).await, 2 * MINUTE);
}

#[tokio::test]
async fn a_session_that_was_extended_is_deleted_at_its_later_end() {
    let (clock, store) = in_memory().await;
    extend_five(&store).await;
    clock.advance(Duration::from_millis(1));
    create(&store, &record("short"), MINUTE).await;

    clock.advance(MINUTE);
    // The expired session is due after those that were extended, which are more than a batch.
    assert_eq!(store.delete_expired(2).await.unwrap(), 1);
    assert_eq!(store.delete_expired(2).await.unwrap(), 0);
    assert_eq!(rows(&store).await, 5);

    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    assert_eq!(store.delete_expired(3).await.unwrap(), 2);
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn clean_up_handles_as_many_rows_as_its_limit() {
    let (clock, store) = in_memory().await;
    extend_five(&store).await;
    clock.advance(Duration::from_millis(1));
    create(&store, &record("short"), MINUTE).await;
    clock.advance(MINUTE);
    for expected in [(2, 0), (2, 0), (1, 1), (0, 0)] {
        let settled = store.settle(2).await.unwrap();
        assert_eq!((settled.postponed, settled.deleted), expected);
    }
}

#[tokio::test]
async fn a_session_shortened_by_more_than_a_minute_is_due_at_its_new_end() {
    let (clock, store) = in_memory().await;
    let session = create(&store, &record("a"), 60 * MINUTE).await;
    update(&store, &session, &record("b"), MINUTE)
        .await
        .unwrap();
    assert_eq!(due_in(&store).await, MINUTE);
    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 1);
}

#[tokio::test]
async fn a_session_shortened_by_up_to_a_minute_is_due_at_its_former_end() {
    let (clock, store) = in_memory().await;
    let session = create(&store, &record("a"), 2 * MINUTE).await;
    update(&store, &session, &record("b"), MINUTE)
        .await
        .unwrap();
    assert_eq!(due_in(&store).await, 2 * MINUTE);

    clock.advance(MINUTE);
    assert_eq!(stored(&store, &session.0).await, None);
    assert_eq!(store.delete_expired(9).await.unwrap(), 0);
    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 1);
}

#[tokio::test]
async fn a_sign_in_does_not_extend_when_a_session_is_due() {
    let (_, store) = in_memory().await;
    let session = create(&store, &record("a"), 2 * MINUTE).await;
    let user = signed_in("ferris", "sid-1");
    update(&store, &session, &user, 3 * MINUTE).await.unwrap();
    assert_eq!(due_in(&store).await, 2 * MINUTE);
}

#[tokio::test]
async fn clean_up_scans_no_table() {
    let (_, store) = in_memory().await;
    for statement in [POSTPONE, DELETE, DELETE_AND_RETURN] {
        let plan = plan(&store, statement).await;
        let due = "SEARCH sessile_sessions USING COVERING INDEX sessile_sessions_due_at (due_at<?)";
        assert!(plan.iter().any(|line| line == due), "{plan:?}");
        assert!(!plan.iter().any(|line| line.contains("SCAN")), "{plan:?}");
    }
}

#[tokio::test]
async fn the_clean_up_task_deletes_all_expired_sessions_and_stops() {
    let (_, store) = in_memory().await;
    for _ in 0..1100 {
        create(&store, &record("a"), Duration::ZERO).await;
    }
    let (live, _) = create(&store, &record("b"), MINUTE).await;
    let cleanup = store.start_cleanup(MINUTE);
    while rows(&store).await > 1 {
        tokio::task::yield_now().await;
    }
    cleanup.stop().await;
    assert!(stored(&store, &live).await.is_some());
}

#[tokio::test]
async fn the_sessions_of_deleted_rows_are_reported() {
    let (clock, store) = in_memory().await;
    let user = create(&store, &signed_in("ferris", "sid-1"), MINUTE)
        .await
        .0;
    let extended = create(&store, &record("a"), MINUTE).await;
    update(&store, &extended, &record("b"), 2 * MINUTE)
        .await
        .unwrap();
    let entry = Record::revocation(clock.now());
    create(&store, &entry, MINUTE).await;
    clock.advance(MINUTE);
    let mut reports = store.end_reporter().unwrap().subscribe();
    assert_eq!(store.delete_expired(9).await.unwrap(), 2);
    let report = reports.try_recv().unwrap();
    assert_eq!(report.kind, EventKind::Ended(EndCause::Expired));
    assert_eq!((report.id, report.at), (Some(user), clock.now()));
    assert_eq!(report.subject.as_deref(), Some("ferris"));
    assert!(reports.try_recv().is_err());
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn deleted_rows_are_counted() {
    let (clock, store) = in_memory().await;
    for _ in 0..5 {
        create(&store, &record("short"), MINUTE).await;
    }
    clock.advance(MINUTE);
    let recorded = crate::recorded::Recorded::start();
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    assert_eq!(recorded.take("cleaned"), ["cleaned_rows_total sqlite 3"]);
}
