//! Wrong configuration, and values in Redis that are not records.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use std::time::Duration;

use sessile::storage::{
    CreateOutcome, NearCacheConfig, RedisSessionStore, SessionStore as _,
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
async fn an_invalid_url_is_misconfigured() {
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
async fn a_missing_server_is_unavailable() {
    let port = sessile_rig::free_port().unwrap();
    assert_eq!(refused(format!("127.0.0.1:{port}")).await.0, Unavailable);
    assert_eq!(refused("unix:/nowhere/redis.sock").await.0, Unavailable);
    assert_eq!(refused("redis://no-such-host.invalid").await.0, Unavailable);
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_shown() {
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
async fn a_user_who_lacks_a_right_is_refused_at_start() {
    let redis = Redis::start().unwrap();
    let grant = |rights: &[&str]| {
        let user = ["ACL", "SETUSER", "few", "reset", "on", ">pw"];
        assert!(redis.command(&[&user, rights].concat()).unwrap().is_ok());
        format!("redis://few:pw@127.0.0.1:{}", redis.port())
    };
    // The minimum. Without INFO the version of the server is not checked.
    let rights = ["+get", "+set", "+getrange", "+del", "+eval", "+evalsha"];
    let store_with_few = store(grant(&[&rights[..], &["~sessile:*"]].concat())).await;
    let at = create(&store_with_few, 1).await;
    let at = updated(&store_with_few, &at, 2).await;
    store_with_few.delete(&at.id).await.unwrap();

    for missing in rights {
        let others = rights.into_iter().filter(|&right| right != missing);
        let others: Vec<_> = others.chain(["~sessile:*"]).collect();
        let (kind, text) = refused(grant(&others)).await;
        assert_eq!(kind, Denied, "{missing}");
        let command = missing.trim_start_matches('+').to_uppercase();
        assert!(text.contains(&format!("`{command}`")), "{missing}: {text}");
    }
    let (kind, text) = refused(grant(&[&rights[..], &["~other:*"]].concat())).await;
    assert_eq!(kind, Denied);
    assert!(text.contains("`GET`"), "{text}");
    assert_eq!(redis.command(&["DBSIZE"]).unwrap().integer(), Some(0));
}

#[tokio::test]
async fn a_near_cache_needs_one_more_right() {
    let redis = Redis::start().unwrap();
    let user = [
        "ACL", "SETUSER", "near", "on", ">pw", "~*", "+@all", "-pttl",
    ];
    assert!(redis.command(&user).unwrap().is_ok());
    let url = format!("redis://near:pw@127.0.0.1:{}", redis.port());
    store(url.clone()).await;
    let near = RedisSessionStore::builder(url).near_cache(NearCacheConfig::default());
    let error = failed(near.build().await);
    assert_eq!(error.kind(), Denied);
    assert!(whole(&error).contains("`PTTL`"));
}

#[tokio::test]
async fn a_server_without_a_command_is_refused_unless_the_command_is_info() {
    let without = |command| Redis::start_with(&["--rename-command", command, "HIDDEN"]).unwrap();
    let redis = without("INFO");
    create(&store(redis.url()).await, 1).await;
    let redis = without("GETRANGE");
    let (kind, text) = refused(redis.url()).await;
    assert_eq!(kind, Incompatible);
    assert!(text.contains("`GETRANGE`"), "{text}");
}

#[tokio::test]
async fn a_user_without_a_password_is_signed_in() {
    let redis = Redis::start().unwrap();
    let user = ["ACL", "SETUSER", "app", "on", "nopass", "~*", "+@all"];
    assert!(redis.command(&user).unwrap().is_ok());
    let url = format!("redis://app@127.0.0.1:{}", redis.port());
    let store = store(url.clone()).await;
    create(&store, 1).await;
    let clients = redis.command(&["CLIENT", "LIST"]).unwrap();
    assert!(clients.text().unwrap().contains("user=app"));

    let password = ["ACL", "SETUSER", "app", "resetpass", ">pw"];
    assert!(redis.command(&password).unwrap().is_ok());
    assert_eq!(refused(url).await.0, Denied);
}

#[tokio::test]
async fn a_missing_database_is_misconfigured() {
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
async fn another_kind_of_server_is_incompatible() {
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
async fn a_server_that_is_too_old_is_incompatible() {
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
