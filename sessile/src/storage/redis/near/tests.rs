use redis::{PushInfo, PushKind, Value};

use super::*;
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{SessionId, Version},
};

const HOUR: Duration = Duration::from_secs(3600);

fn near_cache() -> NearCache {
    NearCache::new(NearCacheConfig::default().max_staleness(HOUR))
}

fn loaded(text: &str) -> Loaded {
    let mut record = Record::new(Timestamp::from_unix_millis(0));
    record.state.insert("text", text).unwrap();
    Loaded {
        record,
        version: Version::new(1),
    }
}

fn entry_over(connection: &StreamGuard, text: &str) -> Entry {
    let provenance = connection.ask().answered();
    Entry::new(&loaded(text), HOUR, provenance, None).unwrap()
}

/// The Redis key of a session that was read.
fn read(cache: &NearCache, connection: &StreamGuard, text: &str) -> String {
    let redis_key = SessionId::generate().to_string();
    let read = cache.begin_read(&redis_key);
    cache.insert(read, &redis_key, entry_over(connection, text));
    redis_key
}

fn has(cache: &NearCache, redis_key: &str) -> bool {
    cache.get(redis_key).is_some()
}

fn push(data: Vec<Value>) -> PushInfo {
    PushInfo {
        kind: PushKind::Invalidate,
        data,
    }
}

fn change_of(redis_key: &str) -> PushInfo {
    let key = Value::BulkString(redis_key.into());
    push(vec![Value::Array(vec![key])])
}

#[test]
fn changes_of_other_sessions_do_not_touch_marks() {
    let (cache, [connection, _driver]) = (near_cache(), StreamGuard::pair());
    let marks = ["sessile:subject:{a}:mark", "sessile:all:{all}:mark"];
    let watched = marks.map(|mark| {
        let read = cache.begin_read(mark);
        Watched::new(read, connection.ask().answered())
    });
    let provenance = connection.ask().answered();
    let entry = Entry::new(&loaded(""), HOUR, provenance, Some(watched)).unwrap();
    let read = cache.begin_read("one");
    cache.insert(read, "one", entry);
    // More than there are counters.
    for number in 0..100_000 {
        cache.evict(&number.to_string());
    }
    assert!(has(&cache, "one"));
    cache.apply(&change_of(marks[1]));
    assert!(!has(&cache, "one"));
}

#[test]
fn an_invalidation_evicts_the_keys_that_it_names() {
    let (cache, [connection, _driver]) = (near_cache(), StreamGuard::pair());
    let keys: Vec<_> = (0..100).map(|_| read(&cache, &connection, "")).collect();
    cache.apply(&change_of(&keys[7]));
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(has(&cache, key), number != 7);
    }
}

#[test]
fn an_invalidation_without_keys_evicts_everything() {
    let (cache, [connection, _driver]) = (near_cache(), StreamGuard::pair());
    // Redis sends the first. The others are unknown, and eviction is always safe.
    for data in [vec![Value::Nil], vec![], vec![Value::Int(1)]] {
        let key = read(&cache, &connection, "");
        assert!(has(&cache, &key));
        cache.apply(&push(data));
        assert!(!has(&cache, &key));
    }
}

#[test]
fn other_messages_evict_nothing() {
    let (cache, [connection, _driver]) = (near_cache(), StreamGuard::pair());
    let key = read(&cache, &connection, "");
    let message = PushInfo {
        kind: PushKind::Message,
        data: vec![],
    };
    let not_utf8 = Value::BulkString(vec![0xff]);
    for push in [message, push(vec![Value::Array(vec![not_utf8])])] {
        cache.apply(&push);
        assert!(has(&cache, &key));
    }
}

#[test]
fn a_read_that_an_eviction_overtakes_is_not_cached() {
    let (cache, [connection, _driver]) = (near_cache(), StreamGuard::pair());
    let key = SessionId::generate().to_string();
    let while_reading = |between: &dyn Fn()| {
        let read = cache.begin_read(&key);
        let entry = entry_over(&connection, "");
        between();
        cache.insert(read, &key, entry);
        has(&cache, &key)
    };
    assert!(!while_reading(&|| cache.apply(&change_of(&key))));
    assert!(!while_reading(&|| cache.apply(&push(vec![Value::Nil]))));
    assert!(!while_reading(&|| cache.clear()));
    assert!(!while_reading(&|| cache.evict(&key)));
    assert!(!while_reading(&|| drop(cache.begin_write(&key))));
    assert!(while_reading(&|| ()));
}

#[test]
fn a_write_evicts_what_was_cached_before_and_what_was_read_meanwhile() {
    let (cache, [connection, _driver]) = (near_cache(), StreamGuard::pair());
    let key = read(&cache, &connection, "");
    let write = cache.begin_write(&key);
    assert!(!has(&cache, &key));
    let during = cache.begin_read(&key);
    cache.insert(during, &key, entry_over(&connection, ""));
    let slow = cache.begin_read(&key);
    drop(write);
    assert!(!has(&cache, &key));
    cache.insert(slow, &key, entry_over(&connection, ""));
    assert!(!has(&cache, &key));
}

#[test]
fn an_undated_record_is_not_cached() {
    let [connection, _driver] = StreamGuard::pair();
    let entry = |loaded: &Loaded| Entry::new(loaded, HOUR, connection.ask().answered(), None);
    let mut loaded = loaded("");
    assert!(entry(&loaded).is_some());
    loaded.record.undated = true;
    assert!(entry(&loaded).is_none());
}

#[test]
fn dropping_either_guard_of_a_connection_ends_its_stream() {
    let cache = near_cache();
    for index in 0..2 {
        let mut guards = Vec::from(StreamGuard::pair());
        let key = read(&cache, &guards[0], "");
        assert!(has(&cache, &key));
        guards.remove(index);
        assert!(!has(&cache, &key));
    }
}

#[test]
fn both_bounds_hold_at_every_moment() {
    for config in [
        NearCacheConfig::default().max_sessions(0),
        NearCacheConfig::default().max_sessions(1),
        NearCacheConfig::default().max_sessions(100),
        NearCacheConfig::default().max_sessions(999),
        NearCacheConfig::default().max_bytes(0),
        NearCacheConfig::default().max_bytes(50_000),
        NearCacheConfig::default().max_sessions(3).max_bytes(100),
        NearCacheConfig::default()
            .max_sessions(100)
            .max_bytes(1_000_000),
    ] {
        let cache = NearCache::new(config.max_staleness(HOUR));
        let [connection, _driver] = StreamGuard::pair();
        let mut most = 0;
        for number in 0..3000 {
            read(&cache, &connection, &"x".repeat(number % 1000));
            let entries = &cache.0.entries;
            assert!(entries.len() <= config.max_sessions, "{config:?}");
            let bytes: u64 = entries.iter().map(|(_, entry)| entry.footprint(0)).sum();
            assert!(bytes <= config.max_bytes, "{config:?}: {bytes}");
            most = most.max(entries.len());
        }
        // Nothing is rejected without need.
        let fits = config.max_bytes / 1800;
        assert!(
            most as u64 >= fits.min(config.max_sessions as u64 / 2),
            "{config:?}: {most}"
        );
    }
}

#[test]
fn unlimited_bounds_take_no_memory_by_themselves() {
    let config = NearCacheConfig::default()
        .max_sessions(usize::MAX)
        .max_bytes(u64::MAX);
    let cache = NearCache::new(config.max_staleness(Duration::MAX));
    let [connection, _driver] = StreamGuard::pair();
    let key = read(&cache, &connection, "");
    assert!(has(&cache, &key));
}
