use redis::{PushInfo, PushKind, Value};

use super::*;
use crate::{clock::Timestamp, key::generate_session_key, record::Record, storage::Version};

const HOUR: Duration = Duration::from_secs(3600);

fn near() -> Near {
    Near::new(NearCache::default().max_staleness(HOUR))
}

fn seen_over(lifeline: &Lifeline, text: &str) -> Seen {
    let mut record = Record::new(Timestamp::from_unix_millis(0));
    record.state.insert("text", text).unwrap();
    Seen {
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
    near.keep(reading, key.id(), &key, seen_over(lifeline, text));
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
    near.hear(&lifeline, &news_of(&keys[7]));
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(has(&near, key), number != 7);
    }
    // Of every key, and what no server says: better safe.
    for data in [vec![Value::Nil], vec![], vec![Value::Int(1)]] {
        let key = keep(&near, &lifeline, "");
        assert!(has(&near, &key));
        near.hear(&lifeline, &news(data));
        assert!(!has(&near, &key));
    }
    let key = keep(&near, &lifeline, "");
    near.hear(
        &lifeline,
        &PushInfo {
            kind: PushKind::Message,
            data: vec![],
        },
    );
    near.hear(
        &lifeline,
        &news(vec![Value::Array(vec![Value::BulkString(vec![0xff])])]),
    );
    assert!(has(&near, &key));
}

#[test]
fn a_read_that_news_overtook_is_not_kept() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let key = generate_session_key();
    let while_reading = |between: &dyn Fn()| {
        let reading = near.reading(key.id());
        let read = seen_over(&lifeline, "");
        between();
        near.keep(reading, key.id(), &key, read);
        has(&near, &key)
    };
    assert!(!while_reading(&|| near.hear(&lifeline, &news_of(&key))));
    assert!(!while_reading(
        &|| near.hear(&lifeline, &news(vec![Value::Nil]))
    ));
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
    near.keep(reading, key.id(), &key, seen_over(&lifeline, ""));
    let slow = near.reading(key.id());
    drop(writing);
    near.keep(slow, key.id(), &key, seen_over(&lifeline, ""));
    assert!(!has(&near, &key));
}

/// A write of `key` over the connection of `lifeline`, and what happens before its answer is handed on.
fn write(
    near: &Near,
    key: &SessionKey,
    lifeline: &Lifeline,
    is_told: bool,
    meanwhile: &dyn Fn(),
) -> bool {
    let mut writing = near.writing(key.id());
    meanwhile();
    assert!(!has(near, key));
    writing.is_stored(key, seen_over(lifeline, "written"), is_told);
    drop(writing);
    near.get(key.id(), key).is_some_and(|loaded| {
        loaded.record.state.get("text").unwrap() == Some("written".to_owned())
    })
}

fn both(first: &dyn Fn(), second: &dyn Fn()) {
    first();
    second();
}

#[test]
fn a_write_is_kept_if_all_news_were_its_own() {
    let near = near();
    let [[first, _f], [second, _s]] = [Lifeline::both(), Lifeline::both()];
    let key = generate_session_key();
    let [one, two] = [&first, &second].map(|lifeline| {
        let (near, key) = (&near, &key);
        move || near.hear(lifeline, &news_of(key))
    });
    let over_first = |is_told, meanwhile: &dyn Fn()| write(&near, &key, &first, is_told, meanwhile);
    // What Redis does not tell of.
    assert!(over_first(false, &|| ()));
    near.clear();
    assert!(!over_first(false, &one));
    assert!(!over_first(false, &two));
    // What Redis tells of.
    assert!(over_first(true, &one));
    assert!(!over_first(true, &|| ()), "the news are still to come");
    assert!(!over_first(true, &|| both(&one, &one)));
    assert!(!over_first(true, &two));
    assert!(!over_first(true, &|| both(&one, &two)));
    // Other things that happen here.
    let nothing = || news(vec![Value::Nil]);
    assert!(!over_first(true, &|| both(&one, &|| near.clear())));
    assert!(!over_first(false, &|| near.hear(&first, &nothing())));
    assert!(!over_first(true, &|| {
        one();
        drop(near.writing(key.id()));
    }));
    // A read has no part in it.
    assert!(over_first(true, &|| {
        one();
        near.reading(key.id());
    }));
}

#[test]
fn a_write_that_ends_otherwise_leaves_nothing() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let key = generate_session_key();
    assert!(write(&near, &key, &lifeline, false, &|| ()));
    drop(near.writing(key.id()));
    assert!(!has(&near, &key));
    // What tells no times.
    let mut seen = seen_over(&lifeline, "");
    seen.loaded.record.undated = true;
    let mut writing = near.writing(key.id());
    writing.is_stored(&key, seen, false);
    drop(writing);
    assert!(!has(&near, &key));
}

#[test]
fn a_read_that_began_before_a_write_ended_does_not_take_its_place() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let key = generate_session_key();
    let before = near.reading(key.id());
    let meanwhile = std::cell::Cell::new(None);
    assert!(write(&near, &key, &lifeline, false, &|| {
        meanwhile.set(Some(near.reading(key.id())));
    }));
    for reading in [before, meanwhile.take().unwrap()] {
        near.keep(reading, key.id(), &key, seen_over(&lifeline, "old"));
        let loaded = near.get(key.id(), &key).unwrap();
        let text: Option<String> = loaded.record.state.get("text").unwrap();
        assert_eq!(text.as_deref(), Some("written"));
    }
}

#[test]
fn a_write_that_another_overtook_does_not_take_its_place() {
    let near = near();
    let [[first, _f], [second, _s]] = [Lifeline::both(), Lifeline::both()];
    let key = generate_session_key();
    // The later one begins before the earlier one does or after, and ends first.
    for later_begins_first in [true, false] {
        let (mut earlier, mut later);
        if later_begins_first {
            later = near.writing(key.id());
            earlier = near.writing(key.id());
        } else {
            earlier = near.writing(key.id());
            later = near.writing(key.id());
        }
        later.is_stored(&key, seen_over(&second, "later"), false);
        drop(later);
        earlier.is_stored(&key, seen_over(&first, "earlier"), false);
        drop(earlier);
        assert!(!has(&near, &key));
    }
}

#[test]
fn what_was_written_goes_with_the_next_news_of_it() {
    let (near, [lifeline, _driver]) = (near(), Lifeline::both());
    let key = keep(&near, &lifeline, "");
    let news = || near.hear(&lifeline, &news_of(&key));
    assert!(write(&near, &key, &lifeline, true, &news));
    news();
    assert!(!has(&near, &key));
    assert!(write(&near, &key, &lifeline, true, &news));
    drop(lifeline);
    assert!(!has(&near, &key));
}

#[test]
fn who_had_read_what_was_replaced_is_told_of_it_once() {
    let near = near();
    let [[first, _f], [second, _s], [third, _t]] = [(); 3].map(|()| Lifeline::both());
    let key = keep(&near, &first, "");
    let tell = |lifeline| near.hear(lifeline, &news_of(&key));
    let reset = || {
        near.clear();
        let reading = near.reading(key.id());
        near.keep(reading, key.id(), &key, seen_over(&first, ""));
    };
    let over_second = |meanwhile: &dyn Fn()| write(&near, &key, &second, true, meanwhile);

    // It is told after the write has ended, and what it is told next is something else.
    assert!(over_second(&|| tell(&second)));
    tell(&first);
    assert!(has(&near, &key));
    tell(&first);
    assert!(!has(&near, &key));
    // Before, in either order.
    for order in [[&first, &second], [&second, &first]] {
        reset();
        assert!(over_second(&|| order.into_iter().for_each(tell)));
        tell(&first);
        assert!(!has(&near, &key));
    }
    // Nobody else is told of it, and nobody twice.
    for meanwhile in [
        [&second, &third].as_slice(),
        &[&first, &first],
        &[&first, &first, &second],
        &[&first, &second, &second],
        &[&first],
    ] {
        reset();
        let tell_all = || meanwhile.iter().for_each(|lifeline| tell(lifeline));
        assert!(!over_second(&tell_all));
    }
    // News over the connection of the write, and over one that had no part in it.
    for teller in [&second, &third] {
        reset();
        assert!(over_second(&|| tell(&second)));
        tell(teller);
        assert!(!has(&near, &key));
    }
    // To read it anew is to be told anew.
    reset();
    assert!(over_second(&|| tell(&second)));
    let reading = near.reading(key.id());
    near.keep(reading, key.id(), &key, seen_over(&first, ""));
    tell(&first);
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
