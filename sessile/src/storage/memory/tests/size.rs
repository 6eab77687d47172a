//! The memory of a session, as the allocator counts it.

use super::*;
use crate::record::{Epoch, Secret};

/// Awaits a future without a runtime, whose memory would count as well.
pub(super) fn ready<F: Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Waker};
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the memory store never waits"),
    }
}

fn record_with(values: &[(&str, &str)]) -> Record {
    let now = Timestamp::from_unix_millis(1_795_400_121_944);
    let mut record = Record::new(now);
    for (name, value) in values {
        record.state.insert(name, value).unwrap();
    }
    record.renew(&Secret::generate(), Epoch::generate(), now);
    record
}

/// A visitor's session with four small values.
fn small_record() -> Record {
    record_with(&[
        ("user", "ferris"),
        ("theme", "dark"),
        ("lang", "en-US"),
        ("n", "12345"),
    ])
}

/// The same after a sign-in, during a rotation.
fn signed_in_record() -> Record {
    let text = small_record().encode();
    let text = text.replace(
        r#","s":"#,
        concat!(
            r#","o":{"d":"AQAAAAAAAAAAAAAAAAAAAA","e":6,"t":5}"#,
            r#","r":{"t":6,"p":"AgAAAAAAAAAAAAAAAAAAAA","n":"AwAAAAAAAAAAAAAAAAAAAA"}"#,
            r#","sub":"user","in":6,"auth":7,"label":"sid","s":"#,
        ),
    );
    let unique = format!("{:016x}", rand::random::<u64>());
    let text = text
        .replace(r#""sub":"user""#, &format!(r#""sub":"user {unique}""#))
        .replace(r#""label":"sid""#, &format!(r#""label":"sid {unique}""#));
    Record::decode(text.as_bytes()).unwrap()
}

fn record_of_many_values() -> Record {
    let names: Vec<String> = (0..20).map(|n| format!("name {n}")).collect();
    let values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    record_with(&values)
}

/// The bytes of memory that a store of so many sessions takes for each, and those that it counts.
fn bytes_per_session(sessions: usize, new_record: fn() -> Record) -> (usize, usize) {
    let mut store = None;
    let taken = allocation_counter::measure(|| {
        let new = MemorySessionStore::default();
        for _ in 0..sessions {
            ready(new.created(&new_record(), DAY));
        }
        store = Some(new);
    });
    let taken = usize::try_from(taken.bytes_current).unwrap();
    let (len, counted) = store.unwrap().checked();
    assert_eq!(len, sessions);
    (taken / sessions, counted / sessions)
}

#[test]
fn a_session_of_four_small_values_takes_at_most_450_bytes() {
    for sessions in [5_000, 20_000, 25_000] {
        let (taken, _) = bytes_per_session(sessions, small_record);
        assert!(taken <= 450, "{taken} bytes for each of {sessions}");
    }
}

#[test]
fn the_bound_counts_what_the_allocator_counts_to_within_15_percent() {
    let records: &[(_, fn() -> Record)] = &[
        ("empty", || record_with(&[])),
        ("small", small_record),
        ("signed in", signed_in_record),
        ("many values", record_of_many_values),
        ("large", || record_of(10_000)),
    ];
    for &(name, new_record) in records {
        let (taken, counted) = bytes_per_session(5_000, new_record);
        let difference = taken.abs_diff(counted) * 100 / taken;
        assert!(difference <= 15, "{name}: {taken} bytes, and not {counted}");
    }
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn the_gauges_have_the_number_and_the_size_of_all_sessions() {
    use crate::{recorded::Recorded, storage::SubjectStore as _};

    let recorded = Recorded::start();
    let clock = ManualClock::default();
    let new_store = || MemorySessionStore::builder().clock(clock.clone()).build();
    let (store, other) = (new_store(), new_store());
    let bytes = footprint(&small_record().compacted());
    let sizes = |sessions: usize| {
        let bytes = bytes * sessions;
        [
            format!("memory_store_bytes {bytes}"),
            format!("memory_store_sessions {sessions}"),
        ]
    };
    let mut ids = Vec::new();
    for count in 1..=10 {
        let (id, version) = (SessionId::generate(), Version::generate());
        let store = if count == 1 { &other } else { &store };
        let (record, ttl) = (small_record(), Duration::from_secs(count));
        store.create(&id, &record, version, ttl).await.unwrap();
        assert_eq!(recorded.take("memory"), sizes(count as usize));
        ids.push(id);
    }
    store.delete(&ids[9]).await.unwrap();
    assert_eq!(recorded.take("memory"), sizes(9));
    // A load finds that the session has expired.
    clock.advance(Duration::from_secs(2));
    let loading = store.load(&ids[1], None, Freshness::Current);
    assert_eq!(loading.await.unwrap(), None);
    assert_eq!(recorded.take("memory"), sizes(8));
    store.end_everything(clock.now()).await.unwrap();
    assert_eq!(recorded.take("memory"), sizes(1));
    drop(other);
    assert_eq!(recorded.take("memory"), sizes(0));
}
