//! What `actix-session` left in Redis.

use std::time::Duration;

use serde_json::{Value, json};
use sessile::{
    Clock as _, ManualClock,
    storage::{RedisSessionStore, SessionKey, SessionStore as _, Swap},
};
use sessile_rig::redis::Redis;

use crate::setup::{MINUTE, key, record, store};

/// As `actix-session` makes them: 64 letters and digits.
const OLD_KEY: &str = "uQDe6RWkNV9zXXBKfqIvtCw7XKQ0o8ZyGxGcsmnPkJ3YJ0uH2Dqk5E4YpFvRAb1T";

const FORMS: [&str; 2] = [
    r#"{"user_id":"\"ferris\"","counter":"3"}"#,
    r#"{"v":1,"state":{"user_id":"ferris","counter":3}}"#,
];

async fn entries(store: &RedisSessionStore, key: &SessionKey) -> Option<Value> {
    let loaded = store.load(key).await.unwrap()?;
    let entries = loaded.record.state.iter();
    let entries = entries.map(|(name, text)| {
        let value: Value = serde_json::from_str(text).unwrap();
        (name.to_owned(), value)
    });
    Some(entries.collect())
}

fn leave(redis: &Redis, value: &str) {
    let answer = redis.command(&["SET", OLD_KEY, value, "PX", "50000"]);
    assert!(answer.unwrap().is_ok());
}

#[tokio::test]
async fn both_forms_are_read_and_live_no_longer_than_they_did() {
    let redis = Redis::start().unwrap();
    let clock = ManualClock::default();
    let builder = RedisSessionStore::builder(redis.url()).clock(clock.clone());
    let store = builder.build().await.unwrap();
    for form in FORMS {
        leave(&redis, form);
        let loaded = store.load(&key(OLD_KEY)).await.unwrap().unwrap();
        assert_eq!(loaded.record.created_at, clock.now());
        let expected = json!({"user_id": "ferris", "counter": 3});
        assert_eq!(entries(&store, &key(OLD_KEY)).await, Some(expected));
        let left = redis.command(&["PTTL", OLD_KEY]).unwrap();
        assert!((1..=50_000).contains(&left.integer().unwrap()));
        clock.advance(Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn an_update_rewrites_it_under_the_same_key() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    for form in FORMS {
        leave(&redis, form);
        let old = key(OLD_KEY);
        let loaded = store.load(&old).await.unwrap().unwrap();
        let swap = store.update(&old, loaded.version, &record(1), MINUTE).await;
        assert!(matches!(swap, Ok(Swap::Stored(at)) if at.key == old));
        assert_eq!(entries(&store, &old).await, Some(json!({"value": 1})));
        let text = redis.command(&["GET", OLD_KEY]).unwrap();
        assert!(text.text().unwrap().contains(r#"{"v":2,"#));
        // The version it was loaded with is used up.
        let swap = store.update(&old, loaded.version, &record(2), MINUTE).await;
        assert!(matches!(swap, Ok(Swap::Conflict)));
    }
}

#[tokio::test]
async fn a_change_by_the_old_library_is_a_conflict() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    leave(&redis, FORMS[0]);
    let old = key(OLD_KEY);
    let loaded = store.load(&old).await.unwrap().unwrap();
    leave(&redis, r#"{"counter":"4"}"#);
    let swap = store.update(&old, loaded.version, &record(1), MINUTE).await;
    assert!(matches!(swap, Ok(Swap::Conflict)));
    assert_eq!(entries(&store, &old).await, Some(json!({"counter": 4})));
}

#[tokio::test]
async fn after_a_renewal_the_old_key_opens_nothing_and_still_signs_out() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    leave(&redis, FORMS[0]);
    let old = key(OLD_KEY);
    let loaded = store.load(&old).await.unwrap().unwrap();
    let swap = store.renew(&old, loaded.version, &record(1), MINUTE).await;
    let Ok(Swap::Stored(renewed)) = swap else {
        panic!("not renewed: {swap:?}");
    };
    assert_eq!(entries(&store, &old).await, None);
    assert_eq!(
        entries(&store, &renewed.key).await,
        Some(json!({"value": 1}))
    );
    store.delete(&old).await.unwrap();
    assert_eq!(entries(&store, &renewed.key).await, None);
}

#[tokio::test]
async fn a_secret_does_not_open_what_has_none() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    leave(&redis, FORMS[0]);
    let old = key(OLD_KEY);
    let version = store.load(&old).await.unwrap().unwrap().version;
    let other = key(&format!("{OLD_KEY}.secret"));
    assert_eq!(entries(&store, &other).await, None);
    let swap = store.update(&other, version, &record(1), MINUTE).await;
    assert!(matches!(swap, Ok(Swap::Gone)));
}
