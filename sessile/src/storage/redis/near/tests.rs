use redis::{PushInfo, PushKind, Value};

use super::*;
use crate::{clock::Timestamp, key::generate_session_key, record::Record, storage::Version};

const HOUR: Duration = Duration::from_secs(3600);

fn near() -> Near {
    Near::new(NearCache::default().max_staleness(HOUR))
}

fn read_over(lifeline: &Lifeline, text: &str) -> Read {
    let mut record = Record::new(Timestamp::from_unix_millis(0));
    record.state.insert("text", text).unwrap();
    Read {
        loaded: Loaded {
            record,
            version: Version::new(1),
        },
        ttl: HOUR,
        heard: lifeline.ask().answered(),
    }
}

fn keep(near: &Near, lifeline: &Lifeline, text: &str) -> SessionKey {
    let key = generate_session_key();
    let reading = near.reading(key.id());
    near.keep(reading, key.id(), &key, read_over(lifeline, text));
    key
}

fn has(near: &Near, key: &SessionKey) -> bool {
    near.get(key.id(), key).is_some()
}

fn news(data: Vec<Value>) -> PushInfo {
    PushInfo {
        kind: PushKind::Invalidate,
        data,
    }
}

fn news_of(key: &SessionKey) -> PushInfo {
    let id = Value::BulkString(key.id().into());
    news(vec![Value::Array(vec![id])])
}

#[test]
fn news_evict_what_they_name_and_nothing_else() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let keys: Vec<_> = (0..100).map(|_| keep(&near, &lifeline, "")).collect();
    near.hear(&news_of(&keys[7]));
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(has(&near, key), number != 7);
    }
    // Of every key, and what no server says: better safe.
    for data in [vec![Value::Nil], vec![], vec![Value::Int(1)]] {
        let key = keep(&near, &lifeline, "");
        assert!(has(&near, &key));
        near.hear(&news(data));
        assert!(!has(&near, &key));
    }
    let key = keep(&near, &lifeline, "");
    near.hear(&PushInfo {
        kind: PushKind::Message,
        data: vec![],
    });
    near.hear(&news(vec![Value::Array(vec![Value::BulkString(vec![
        0xff,
    ])])]));
    assert!(has(&near, &key));
}

#[test]
fn a_read_that_news_overtook_is_not_kept() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let key = generate_session_key();
    let while_reading = |between: &dyn Fn()| {
        let reading = near.reading(key.id());
        let read = read_over(&lifeline, "");
        between();
        near.keep(reading, key.id(), &key, read);
        has(&near, &key)
    };
    assert!(!while_reading(&|| near.hear(&news_of(&key))));
    assert!(!while_reading(&|| near.hear(&news(vec![Value::Nil]))));
    assert!(!while_reading(&|| near.clear()));
    assert!(!while_reading(&|| drop(near.writing(key.id()))));
    assert!(while_reading(&|| ()));
}

#[test]
fn a_write_ends_what_was_kept_or_read_while_it_was_under_way() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let key = keep(&near, &lifeline, "");
    let writing = near.writing(key.id());
    assert!(!has(&near, &key));
    let reading = near.reading(key.id());
    near.keep(reading, key.id(), &key, read_over(&lifeline, ""));
    let slow = near.reading(key.id());
    drop(writing);
    near.keep(slow, key.id(), &key, read_over(&lifeline, ""));
    assert!(!has(&near, &key));
}

#[test]
fn whoever_lets_go_of_the_connection_ends_its_news() {
    let near = near();
    for who in 0..2 {
        let mut both = Vec::from(Lifeline::both());
        let key = keep(&near, &both[0], "");
        assert!(has(&near, &key));
        both.remove(who);
        assert!(!has(&near, &key));
    }
}

#[test]
fn both_bounds_hold_at_every_moment() {
    for settings in [
        NearCache::default().max_sessions(0),
        NearCache::default().max_sessions(1),
        NearCache::default().max_sessions(100),
        NearCache::default().max_sessions(999),
        NearCache::default().max_bytes(0),
        NearCache::default().max_bytes(50_000),
        NearCache::default().max_sessions(3).max_bytes(100),
        NearCache::default().max_sessions(100).max_bytes(1_000_000),
    ] {
        let near = Near::new(settings.max_staleness(HOUR));
        let [lifeline, _driver] = Lifeline::both();
        let mut most = 0;
        for number in 0..3000 {
            keep(&near, &lifeline, &"x".repeat(number % 1000));
            let entries = &near.0.entries;
            assert!(entries.len() <= settings.max_sessions, "{settings:?}");
            let bytes: u64 = entries.iter().map(|(_, entry)| entry.size(0)).sum();
            assert!(bytes <= settings.max_bytes, "{settings:?}: {bytes}");
            most = most.max(entries.len());
        }
        // Nothing is turned away without need.
        let fits = settings.max_bytes / 1800;
        assert!(
            most as u64 >= fits.min(settings.max_sessions as u64 / 2),
            "{settings:?}: {most}"
        );
    }
}

#[test]
fn bounds_that_mean_none_take_no_memory_by_themselves() {
    let settings = NearCache::default()
        .max_sessions(usize::MAX)
        .max_bytes(u64::MAX);
    let near = Near::new(settings.max_staleness(Duration::MAX));
    let [lifeline, _driver] = Lifeline::both();
    let key = keep(&near, &lifeline, "");
    assert!(has(&near, &key));
}
