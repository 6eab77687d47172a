//! Entries of an index that don't agree with what is stored.

use std::time::{SystemTime, UNIX_EPOCH};

use sessile::storage::{
    Refusal, SessionId, SessionStore as _, SignInOutcome, SignInWrite, SubjectStore as _, Version,
};
use sessile_rig::redis::{Redis, Reply};

use super::scene::{SignedIn, User, limit};
use crate::{
    log::Log,
    setup::{HOUR, store},
};

struct Scene {
    redis: Redis,
    user: User,
}

impl Scene {
    async fn new() -> Self {
        let redis = Redis::start().unwrap();
        let user = User::of(&store(redis.url()).await);
        Self { redis, user }
    }

    fn command(&self, words: &[&str]) -> Reply {
        let reply = self.redis.command(words).unwrap();
        assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
        reply
    }

    fn count(&self, part: &str) -> i64 {
        let count = self.command(&["ZCARD", &self.user.key(part)]);
        count.integer().unwrap()
    }

    /// Adds an entry that was reserved so many seconds ago, and whose write was given up.
    fn reserve(&self, seconds_ago: u64) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let now = u64::try_from(now).unwrap();
        let id = SessionId::generate().to_string();
        for (part, score) in [
            ("sessions", now + 3_600_000),
            ("sign-ins", 5),
            ("new", now - 1000 * seconds_ago),
        ] {
            self.command(&["ZADD", &self.user.key(part), &score.to_string(), &id]);
        }
    }
}

fn was_refused(outcome: (SignedIn, SignInOutcome)) -> bool {
    outcome.1 == SignInOutcome::Refused(Refusal::LimitReached)
}

#[tokio::test]
async fn a_reservation_counts_for_a_minute() {
    let scene = Scene::new().await;
    let user = &scene.user;
    let refusing = limit(1).refusing();
    scene.reserve(61);
    assert!(!was_refused(user.sign_in(10, refusing).await.unwrap()));
    assert_eq!(scene.count("sessions"), 1);
    scene.reserve(30);
    assert!(was_refused(
        user.sign_in(20, limit(2).refusing()).await.unwrap()
    ));
    // Nothing that may still be stored is forgotten.
    assert_eq!(user.listed().await.len(), 1);
    assert_eq!(scene.count("sessions"), 2);
    // It displaces nothing either.
    let (_, outcome) = user.sign_in(30, limit(2)).await.unwrap();
    let stored = SignInOutcome::Stored {
        displaced: Vec::new(),
    };
    assert_eq!(outcome, stored);
}

#[tokio::test]
async fn sessions_that_ended_displace_no_others() {
    let scene = Scene::new().await;
    let user = &scene.user;
    let kept = user.create(10).await;
    for at in 20..30 {
        let ended = user.create(at).await;
        scene.command(&["DEL", &format!("sessile:{}", ended.id)]);
    }
    let (new, outcome) = user.sign_in(40, limit(2)).await.unwrap();
    let stored = SignInOutcome::Stored {
        displaced: Vec::new(),
    };
    assert_eq!(outcome, stored);
    assert_eq!(user.listed().await, [kept.id, new.id]);
    assert_eq!(scene.count("sessions"), 2);
}

#[tokio::test]
async fn an_update_adds_an_entry_that_was_lost() {
    let scene = Scene::new().await;
    let user = &scene.user;
    let session = user.create(10).await;
    let keys = ["sessions", "sign-ins", "new"].map(|part| user.key(part));
    scene.command(&["DEL", &keys[0], &keys[1], &keys[2]]);
    assert!(user.listed().await.is_empty());
    // A mark holds for what no index names.
    let session = user.update(&session).await;
    assert_eq!(user.listed().await, std::slice::from_ref(&session.id));
    scene.command(&["DEL", &keys[0], &keys[1], &keys[2]]);
    assert_eq!(user.end_all(100).await.1, []);
    assert!(!user.opens(&session.id).await);
}

#[tokio::test]
async fn a_list_without_an_unreadable_session_logs_a_warning() {
    let scene = Scene::new().await;
    let user = &scene.user;
    let session = user.create(10).await;
    scene.command(&["SET", &format!("sessile:{}", session.id), "garbage"]);
    let log = Log::of_warnings();
    assert!(user.listed().await.is_empty());
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("can't be decoded"), "{lines:?}");
}

#[tokio::test]
async fn an_index_ends_with_its_sessions() {
    let scene = Scene::new().await;
    let user = &scene.user;
    user.create(10).await;
    for part in ["sessions", "sign-ins"] {
        let ttl = scene.command(&["PTTL", &user.key(part)]);
        assert!((3_500_000..=3_600_000).contains(&ttl.integer().unwrap()));
    }
    // The next write removes entries whose time has passed.
    let id = SessionId::generate().to_string();
    scene.command(&["ZADD", &user.key("sessions"), "1", &id]);
    scene.command(&["ZADD", &user.key("sign-ins"), "1", &id]);
    user.create(20).await;
    assert_eq!((scene.count("sessions"), scene.count("sign-ins")), (2, 2));
}

#[tokio::test]
async fn a_session_that_has_to_be_deleted_is_deleted_by_the_next_reader() {
    let scene = Scene::new().await;
    let user = &scene.user;
    let (first, second) = (user.create(10).await, user.create(20).await);
    // A server decided that, and failed.
    scene.command(&["ZREM", &user.key("sign-ins"), &first.id.to_string()]);
    // A request of that session does not undo it.
    let first = user.update(&first).await;
    assert_eq!(user.listed().await, [second.id]);
    assert!(!user.opens(&first.id).await);
    assert_eq!(scene.count("sessions"), 1);
}

#[tokio::test]
async fn a_session_that_has_to_be_deleted_does_not_sign_in_again() {
    let scene = Scene::new().await;
    let user = &scene.user;
    for (limit, expected) in [
        (limit(1), SignInOutcome::Missing),
        (
            limit(1).refusing(),
            SignInOutcome::Refused(Refusal::LimitReached),
        ),
    ] {
        let (first, second) = (user.create(10).await, user.create(20).await);
        // A server decided that, and failed.
        scene.command(&["ZREM", &user.key("sign-ins"), &first.id.to_string()]);
        let record = user.record(30);
        let version = Version::generate();
        let write = SignInWrite::update(&first.id, first.version, &record, version, HOUR);
        let outcome = user.store.sign_in(write, limit).await.unwrap();
        assert_eq!(outcome, expected);
        assert!(!user.opens(&first.id).await);
        assert_eq!(scene.count("sessions"), 1);
        assert_eq!(user.listed().await, std::slice::from_ref(&second.id));
        user.store.delete(&second.id).await.unwrap();
    }
}
