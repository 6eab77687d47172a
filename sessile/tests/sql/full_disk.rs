//! A full disk.

use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{Freshness::Current, SessionStore as _, StoreErrorKind, UpdateOutcome, Version},
};

use crate::{
    conditions::{make_room, with_a_small_disk},
    engine::Store,
    sql::setup::{At, MINUTE, create_record, failed, in_time, rows, store, whole},
};

/// The content of a large session, which no database can compress.
fn content(number: u64) -> String {
    let mut state = number.wrapping_add(1);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    (0..200_000).map(|_| next()).collect()
}

fn record(number: u64) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("content", &content(number)).unwrap();
    record
}

async fn is_whole(store: &Store, at: &At, number: u64) -> bool {
    let loaded = store.load(&at.id, None, Current).await;
    let loaded = loaded.unwrap().unwrap();
    let kept: String = loaded.record.state.get("content").unwrap().unwrap();
    kept == content(number) && loaded.version == at.version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_loses_none() {
    let mut server = with_a_small_disk();
    let store = store(&server).await;

    let mut kept = Vec::new();
    let error = loop {
        let number = kept.len() as u64;
        assert!(number < 1000, "it is never full");
        match in_time(create_record(&store, &record(number), MINUTE)).await {
            Ok(at) => kept.push(at),
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.kind(),
        StoreErrorKind::Unavailable,
        "{}",
        whole(&error)
    );
    assert!(!whole(&error).contains(&content(kept.len() as u64)[..50]));
    assert!(!kept.is_empty(), "it was full from the beginning");

    // No write happened partly, and a failed update changes nothing.
    assert_eq!(rows(&server), kept.len() as u64);
    let mut refused = 0;
    let other = record(1000);
    for (number, at) in kept.iter_mut().enumerate() {
        let version = Version::generate();
        let update = store.update(&at.id, at.version, &other, version, MINUTE);
        match in_time(update).await {
            Ok(UpdateOutcome::Updated) => {
                at.version = version;
                assert!(is_whole(&store, at, 1000).await, "{number}");
            }
            outcome => {
                let error = failed(outcome);
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                assert!(is_whole(&store, at, number as u64).await, "{number}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "it was not full");

    // Writes succeed as soon as there is room.
    make_room(&mut server);
    let at = in_time(async {
        loop {
            if let Ok(at) = create_record(&store, &record(7), MINUTE).await {
                break at;
            }
        }
    })
    .await;
    assert!(is_whole(&store, &at, 7).await);
}
