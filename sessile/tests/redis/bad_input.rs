//! Wrong configuration, and values in Redis that are not records.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use std::time::Duration;

use sessile::storage::{
    CreateOutcome, RedisSessionStore, SessionStore as _,
    StoreErrorKind::{self, *},
    UpdateOutcome, Version,
};
use sessile_rig::redis::Redis;

use crate::setup::{
    MINUTE, Stored, create, failed, in_time, kind, record, store, try_create, update, updated,
    value, whole,
};

/// The error of connecting.
async fn refused(url: impl Into<String>) -> (StoreErrorKind, String) {
    let error = failed(in_time(RedisSessionStore::new(url)).await);
    (error.kind(), whole(&error))
}

#[tokio::test]
async fn a_bad_url() {
    for url in [
        "",
        "redis://",
        "http://127.0.0.1",
        "redis://h:port",
        "redis+sentinel://h",
    ] {
        assert_eq!(refused(url).await.0, Misconfigured, "{url}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_exist() {
    let port = sessile_rig::free_port().unwrap();
    assert_eq!(refused(format!("127.0.0.1:{port}")).await.0, Unavailable);
    assert_eq!(refused("unix:/nowhere/redis.sock").await.0, Unavailable);
    assert_eq!(refused("redis://no-such-host.invalid").await.0, Unavailable);
}

#[tokio::test]
async fn passwords() {
    let redis = Redis::start_with(&["--requirepass", "hunter2"]).unwrap();
    let url = |credentials: &str| format!("redis://{credentials}@127.0.0.1:{}", redis.port());
    for credentials in [":swordfish", "default:swordfish", "stranger:swordfish"] {
        let (kind, text) = refused(url(credentials)).await;
        assert_eq!(kind, Denied, "{credentials}");
        assert!(!text.contains("swordfish"), "{text}");
    }
    assert_eq!(refused(redis.url()).await.0, Denied);
    let builder = RedisSessionStore::builder(url("default:hunter2"));
    assert!(!format!("{builder:?}").contains("hunter2"));
    let store = builder.build().await.unwrap();
    create(&store, 1).await;
    assert!(!format!("{store:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_user_with_few_rights() {
    let redis = Redis::start().unwrap();
    let grant = |user: &str, rights: &[&str]| {
        let words = [&["ACL", "SETUSER", user, "on", ">pw", "~*"], rights].concat();
        assert!(redis.command(&words).unwrap().is_ok());
        format!("redis://{user}:pw@127.0.0.1:{}", redis.port())
    };
    // The minimum. Without INFO the version of the server is not checked.
    let rights = ["+get", "+set", "+getrange", "+del", "+eval", "+evalsha"];
    let store_with_few = store(grant("few", &rights)).await;
    let at = create(&store_with_few, 1).await;
    let at = updated(&store_with_few, &at, 2).await;
    store_with_few.delete(&at.id).await.unwrap();

    let reader = store(grant("reader", &["+get", "+info"])).await;
    assert_eq!(value(&reader, &at).await.unwrap(), None);
    assert_eq!(kind(try_create(&reader).await), Denied);
    assert_eq!(kind(update(&reader, &at, 1).await), Denied);
    assert_eq!(kind(reader.delete(&at.id).await), Denied);
}

#[tokio::test]
async fn a_database_that_does_not_exist() {
    let redis = Redis::start().unwrap();
    assert_eq!(
        refused(format!("{}/99", redis.url())).await.0,
        Misconfigured
    );
    let in_three = store(format!("{}/3", redis.url())).await;
    let at = create(&in_three, 1).await;
    let in_zero = store(redis.url()).await;
    assert_eq!(value(&in_zero, &at).await.unwrap(), None);
}

/// The error of connecting to a server that replies `answer` to each request.
async fn refused_by(answer: &'static str) -> (StoreErrorKind, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        while stream.read(&mut request).is_ok_and(|read| read > 0) {
            if stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    });
    refused(address).await
}

#[tokio::test]
async fn a_server_that_is_not_redis() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail.example ESMTP\r\n",
        "+OK\r\n",
        "$5\r\nhello\r\n",
    ] {
        assert_eq!(refused_by(answer).await.0, Incompatible, "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_is_too_old() {
    let info = "$37\r\n# Server\r\nredis_version:4.0.14\r\nx:1\r\n\r\n";
    let (kind, text) = refused_by(info).await;
    assert_eq!(kind, Incompatible, "{text}");
    assert!(text.contains("4.0.14") && text.contains("5.0"), "{text}");
}

#[tokio::test]
async fn a_value_of_another_type_is_corrupt_and_can_be_deleted() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let at = Stored::nowhere();
    let key = at.redis_key();
    for make in [
        &["LPUSH", &key, "x"][..],
        &["HSET", &key, "x", "y"],
        &["SADD", &key, "x"],
    ] {
        redis.command(make).unwrap();
        assert_eq!(kind(value(&store, &at).await), Corrupt);
        assert_eq!(kind(update(&store, &at, 2).await), Corrupt);
        let created = store.create(&at.id, &record(1), at.version, MINUTE).await;
        assert_eq!(created.unwrap(), CreateOutcome::Taken);
        store.delete(&at.id).await.unwrap();
        assert_eq!(value(&store, &at).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_value_that_is_not_a_record_is_corrupt_and_stays_as_it_is() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let at = Stored::nowhere();
    let key = at.redis_key();
    for nonsense in [
        "hello",
        "",
        "[1,2]",
        "0123456789abcdef{}",
        r#"{"of":"\"actix-session\""}"#,
    ] {
        assert!(redis.command(&["SET", &key, nonsense]).unwrap().is_ok());
        assert_eq!(kind(value(&store, &at).await), Corrupt, "{nonsense}");
        let outcome = update(&store, &at, 2).await;
        assert_eq!(outcome.unwrap(), UpdateOutcome::Conflict, "{nonsense}");
        let created = store.create(&at.id, &record(1), at.version, MINUTE).await;
        assert_eq!(created.unwrap(), CreateOutcome::Taken, "{nonsense}");
        let kept = redis.command(&["GET", &key]).unwrap();
        assert_eq!(kept.text().unwrap(), nonsense);
    }
}

#[tokio::test]
async fn a_record_of_a_later_form_is_newer() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let at = create(&store, 1).await;
    let later = r#"0123456789abcdef{"v":4}"#;
    let set = redis.command(&["SET", &at.redis_key(), later]);
    assert!(set.unwrap().is_ok());
    assert_eq!(kind(value(&store, &at).await), Newer);
}

#[tokio::test]
async fn a_keygen_that_maps_two_ids_to_one_key_overwrites_nothing() {
    let redis = Redis::start().unwrap();
    let builder = RedisSessionStore::builder(redis.url());
    let store = builder
        .cache_keygen(|_| "session".into())
        .build()
        .await
        .unwrap();
    let at = create(&store, 1).await;
    assert_eq!(try_create(&store).await.unwrap(), CreateOutcome::Taken);
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

/// The time to live of a session in milliseconds; -2 if there is no session.
fn pttl(redis: &Redis, at: &Stored) -> i64 {
    let reply = redis.command(&["PTTL", &at.redis_key()]).unwrap();
    reply.integer().unwrap()
}

#[tokio::test]
async fn a_record_with_a_time_to_live_of_zero_is_missing() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let new = Stored::nowhere();
    let (record, zero) = (record(1), Duration::ZERO);
    let created = store.create(&new.id, &record, new.version, zero).await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    assert_eq!(pttl(&redis, &new), -2);

    let at = create(&store, 1).await;
    for (expected, outcome, left) in [
        (Version::generate(), UpdateOutcome::Conflict, true),
        (at.version, UpdateOutcome::Updated, false),
        (at.version, UpdateOutcome::Missing, false),
    ] {
        let version = Version::generate();
        let updated = store.update(&at.id, expected, &record, version, zero).await;
        assert_eq!(updated.unwrap(), outcome);
        assert_eq!(value(&store, &at).await.unwrap(), left.then_some(1));
    }
}

#[tokio::test]
async fn a_time_to_live_is_rounded_up_by_less_than_a_millisecond() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let with_ttl = async |ttl| {
        let new = Stored::nowhere();
        let created = store.create(&new.id, &record(1), new.version, ttl).await;
        assert_eq!(created.unwrap(), CreateOutcome::Created);
        new
    };
    let minute = with_ttl(MINUTE + Duration::from_nanos(1)).await;
    assert!((50_000..=60_001).contains(&pttl(&redis, &minute)));
    let longest = with_ttl(Duration::MAX).await;
    assert_eq!(value(&store, &longest).await.unwrap(), Some(1));
    with_ttl(Duration::from_nanos(1)).await;
}
