//! Sessions that actix-session left, on a real server. Tests outside of the crate can't make their ids.

#![cfg(target_os = "linux")]

use std::time::Duration;

use sessile_rig::redis::Redis;

use super::*;
use crate::{
    clock::{Clock as _, ManualClock, Timestamp},
    record::{Record, state::State},
    storage::{CreateOutcome, Freshness, SessionStore as _, UpdateOutcome},
};

/// As actix-session makes them: 64 letters and digits.
const KEY: &str = "uQDe6RWkNV9zXXBKfqIvtCw7XKQ0o8ZyGxGcsmnPkJ3YJ0uH2Dqk5E4YpFvRAb1T";

const FORMS: [&str; 2] = [
    r#"{"user_id":"\"ferris\"","counter":"3"}"#,
    r#"{"v":1,"state":{"user_id":"ferris","counter":3}}"#,
];

const MINUTE: Duration = Duration::from_secs(60);

struct Scene {
    redis: Redis,
    store: RedisSessionStore,
    clock: ManualClock,
    id: SessionId,
}

impl Scene {
    async fn new() -> Self {
        let redis = Redis::start().unwrap();
        let clock = ManualClock::default();
        let builder = RedisSessionStore::builder(redis.url()).clock(clock.clone());
        Self {
            store: builder.build().await.unwrap(),
            redis,
            clock,
            id: SessionId::of_actix_session(KEY),
        }
    }

    /// Stores `value` as actix-session does.
    fn leave(&self, value: &str) {
        let reply = self.redis.command(&["SET", KEY, value, "PX", "50000"]);
        assert!(reply.unwrap().is_ok());
    }

    async fn load(&self) -> Option<Loaded> {
        let loaded = self.store.load(&self.id, None, Freshness::Current).await;
        loaded.unwrap()
    }

    async fn update(&self, expected: Version, record: &Record, ttl: Duration) -> UpdateOutcome {
        let version = Version::generate();
        let outcome = self
            .store
            .update(&self.id, expected, record, version, ttl)
            .await;
        outcome.unwrap()
    }
}

fn counter(count: u32) -> Record {
    let mut record = Record::new(Timestamp::from_unix_millis(7));
    record.state.insert("counter", &count).unwrap();
    record
}

#[tokio::test]
async fn both_forms_are_read_and_live_no_longer_than_they_did() {
    let scene = Scene::new().await;
    for form in FORMS {
        scene.leave(form);
        let mut state = State::default();
        state.insert("user_id", "ferris").unwrap();
        state.insert("counter", &3).unwrap();
        let expected = Record::undated(state, scene.clock.now());
        assert_eq!(scene.load().await.unwrap().record, expected);
        let left = scene.redis.command(&["PTTL", KEY]).unwrap();
        assert!((1..=50_000).contains(&left.integer().unwrap()));
        scene.clock.advance(Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn the_first_update_stores_a_record_under_the_same_key() {
    let scene = Scene::new().await;
    for form in FORMS {
        scene.leave(form);
        let before = scene.load().await.unwrap();
        let updated = scene.update(before.version, &counter(4), MINUTE).await;
        assert_eq!(updated, UpdateOutcome::Updated);
        let text = scene.redis.command(&["GET", KEY]).unwrap();
        assert!(text.text().unwrap().contains(r#"{"v":3,"#));

        let after = scene.load().await.unwrap();
        assert_eq!(after.record, counter(4));
        // The version that it was loaded with is used up, and the new one counts.
        let again = scene.update(before.version, &counter(5), MINUTE).await;
        assert_eq!(again, UpdateOutcome::Conflict);
        let again = scene.update(after.version, &counter(5), MINUTE).await;
        assert_eq!(again, UpdateOutcome::Updated);
    }
}

#[tokio::test]
async fn a_change_by_actix_session_is_a_conflict() {
    let scene = Scene::new().await;
    scene.leave(FORMS[0]);
    let before = scene.load().await.unwrap();
    scene.leave(r#"{"counter":"4"}"#);
    for ttl in [MINUTE, Duration::ZERO] {
        let outcome = scene.update(before.version, &counter(5), ttl).await;
        assert_eq!(outcome, UpdateOutcome::Conflict);
    }
    let state = scene.load().await.unwrap().record.state;
    assert_eq!(state.get("counter").unwrap(), Some(4));
}

#[tokio::test]
async fn an_update_with_a_time_to_live_of_zero_ends_it() {
    let scene = Scene::new().await;
    scene.leave(FORMS[0]);
    let before = scene.load().await.unwrap();
    let ended = scene
        .update(before.version, &before.record, Duration::ZERO)
        .await;
    assert_eq!(ended, UpdateOutcome::Updated);
    assert_eq!(scene.load().await, None);
    let again = scene.update(before.version, &before.record, MINUTE).await;
    assert_eq!(again, UpdateOutcome::Missing);
}

#[tokio::test]
async fn a_delete_ends_it() {
    let scene = Scene::new().await;
    scene.leave(FORMS[0]);
    scene.store.delete(&scene.id).await.unwrap();
    assert_eq!(scene.load().await, None);
}

#[tokio::test]
async fn its_digest_does_not_open_it() {
    let scene = Scene::new().await;
    scene.leave(FORMS[0]);
    let shown: SessionId = scene.id.to_string().parse().unwrap();
    let loaded = scene.store.load(&shown, None, Freshness::Current).await;
    assert_eq!(loaded.unwrap(), None);
}

#[tokio::test]
async fn keygen_is_given_the_whole_key() {
    let scene = Scene::new().await;
    let store = RedisSessionStore::builder(scene.redis.url())
        .cache_keygen(|key| format!("session:{key}"))
        .build()
        .await
        .unwrap();
    let key = format!("session:{KEY}");
    let set = scene.redis.command(&["SET", &key, FORMS[0]]);
    assert!(set.unwrap().is_ok());
    let loaded = store.load(&scene.id, None, Freshness::Current).await;
    assert!(loaded.unwrap().is_some());
}

#[tokio::test]
async fn the_error_of_a_malformed_address_hides_the_password() {
    let error = RedisSessionStore::new("redis://user:hunter2@h:port")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[cfg(feature = "redis-session-rustls")]
#[tokio::test]
async fn tls_installs_nothing_for_the_process() {
    let redis = sessile_rig::redis::TlsRedis::start().unwrap();
    let tls = RedisTlsConfig::default().root_certificates(redis.ca_pem());
    let builder = RedisSessionStore::builder(redis.url()).tls(tls);
    builder.build().await.unwrap();
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_scan_begins_again_if_the_layout_of_the_cluster_has_changed() {
    let scene = Scene::new().await;
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = scene.store.create(&id, &counter(1), version, MINUTE).await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    let of_another_layout = || scan::Position::parse("77-0-0-18-1");
    let counted = scene.store.count_from(5, of_another_layout()).await;
    assert_eq!(counted.unwrap(), 1);
    let scanned = scene.store.scan(of_another_layout(), 1000).await;
    let scanned = scanned.unwrap();
    assert!(scanned.is_first);
    assert_eq!(scanned.ids, [id]);
    let scanned = scene.store.scan(scanned.next, 1000).await.unwrap();
    assert!(!scanned.is_first && scanned.ids.is_empty() && scanned.next.is_none());
}
