//! What the engine counts.

use super::*;
use crate::{recorded::Recorded, storage::SessionLimit};

#[tokio::test]
async fn cookies_are_counted_by_their_cause() {
    let world = World::new(touching);
    let recorded = Recorded::start();
    let cookie = world.stored().await;
    assert_eq!(recorded.take("cookies"), ["cookies_sent_total issued 1"]);

    world.clock.advance(Duration::from_secs(3600));
    let session = world.open(&cookie).await;
    world.commit(&session).await.unwrap();
    assert_eq!(recorded.take("cookies"), ["cookies_sent_total reissued 1"]);

    let session = world.open(&cookie).await;
    session.renew();
    let renewed = world.commit(&session).await.unwrap();
    assert_eq!(recorded.take("cookies"), ["cookies_sent_total issued 1"]);

    let session = world.open(&renewed).await;
    session.purge();
    world.commit(&session).await.unwrap();
    assert_eq!(recorded.take("cookies"), ["cookies_sent_total removed 1"]);

    for (cookie, counted) in [
        ("id=", "cookies_rejected_total empty 1"),
        ("id=forged", "cookies_rejected_total unverified 1"),
    ] {
        world.open(cookie).await;
        assert_eq!(recorded.take("cookies"), [counted]);
    }
    world.open(&format!("id={}", "x".repeat(20_000))).await;
    assert_eq!(
        recorded.take("cookies"),
        ["cookies_rejected_total too_long 1"]
    );
}

#[tokio::test]
async fn cookies_without_a_session_and_dropped_changes_are_counted_by_reason() {
    let renewed = Renewed::new().await;
    let recorded = Recorded::start();
    renewed.session.insert("n", 2).unwrap();
    renewed.world.failure(&renewed.session).await;
    assert_eq!(
        recorded.take("changes"),
        ["changes_dropped_total superseded 1"]
    );

    let world = &renewed.world;
    let (session, other) = (
        world.open(&renewed.new).await,
        world.open(&renewed.new).await,
    );
    world.clock.advance(Duration::from_secs(60));
    world.open(&renewed.old).await;
    assert_eq!(
        recorded.take("sessions"),
        ["sessions_not_found_total old_key 1"]
    );
    other.purge();
    world.commit(&other).await.unwrap();
    session.insert("n", 3).unwrap();
    world.failure(&session).await;
    assert_eq!(recorded.take("changes"), ["changes_dropped_total ended 1"]);
    world.open(&renewed.new).await;
    assert_eq!(
        recorded.take("sessions"),
        ["sessions_not_found_total missing 1"]
    );
    // No server failed.
    assert!(recorded.take("failures").is_empty());
}

#[tokio::test]
async fn failures_are_counted_by_step() {
    let world = World::new(touching);
    let cookie = world.stored().await;
    let recorded = Recorded::start();
    world.store.inject_into_load(Fault::Fail);
    world.manager.open([cookie.as_bytes()]).await.unwrap_err();
    let failed = "store_operation_duration_seconds load unavailable 1";
    assert_eq!(recorded.take("failures"), ["failures_total open 1"]);

    let session = world.open(&cookie).await;
    session.insert("n", 2).unwrap();
    world.store.inject(Fault::Fail);
    world.failure(&session).await;
    assert_eq!(recorded.take("failures"), ["failures_total commit 1"]);

    world.clock.advance(Duration::from_secs(2 * 3600));
    let session = world.open(&cookie).await;
    world.store.inject(Fault::Fail);
    world.commit(&session).await;
    assert_eq!(
        recorded.take("failures"),
        ["failures_total extend_lifetime 1"]
    );
    assert!(recorded.take("store").contains(&failed.to_owned()));
}

#[tokio::test]
async fn sign_ins_that_are_refused_and_marks_are_counted() {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    let settings = Settings::default().clock(clock.clone());
    let limiter = Some(Limiter::new(SessionLimit::new(1).unwrap().refusing()));
    let manager = SessionManager::with(store, SealingKey::generate(), settings, limiter).unwrap();
    let recorded = Recorded::start();

    let early = manager.open([]).await.unwrap();
    clock.advance(Duration::from_secs(1));
    manager.sessions().end_all("ferris").await.unwrap();
    early.sign_in("ferris").await.unwrap_err();
    clock.advance(Duration::from_secs(1));
    for is_first in [true, false] {
        let session = manager.open([]).await.unwrap();
        assert_eq!(session.sign_in("ferris").await.is_ok(), is_first);
    }
    manager.sessions().end_everything().await.unwrap();
    assert_eq!(
        recorded.take("sign_ins"),
        [
            "sign_ins_refused_total limit_reached 1",
            "sign_ins_refused_total subject_ended 1",
        ]
    );
    assert_eq!(
        recorded.take("marks"),
        ["marks_total everyone 1", "marks_total subject 1"]
    );
}
