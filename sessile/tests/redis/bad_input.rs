//! What is configured wrongly, and what others put into the same Redis.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use sessile::storage::{
    RedisSessionStore, SessionStore as _,
    StoreErrorKind::{self, *},
};
use sessile_rig::redis::Redis;

use crate::setup::{
    MINUTE, create, failed, in_time, kind, record, renew, store, update, value, whole,
};

/// How connecting fails.
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
async fn nobody_there() {
    let port = sessile_rig::free_port().unwrap();
    assert_eq!(refused(format!("127.0.0.1:{port}")).await.0, Unavailable);
    assert_eq!(refused("unix:/nowhere/redis.sock").await.0, Unavailable);
    assert_eq!(refused("redis://no-such-host.invalid").await.0, Unavailable);
}

#[tokio::test]
async fn passwords() {
    let redis = Redis::start_with(&["--requirepass", "hunter2"]).unwrap();
    let url = |credentials: &str| format!("redis://{credentials}@127.0.0.1:{}", redis.port());
    for credentials in [":swordfish", "default:swordfish", "nobody:swordfish"] {
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
    // The least that is needed. Without INFO the version can't be seen.
    let rights = ["+get", "+set", "+getrange", "+del", "+eval", "+evalsha"];
    let store_with_few = store(grant("few", &rights)).await;
    let at = create(&store_with_few, 1).await;
    let at = crate::setup::stored(renew(&store_with_few, &at, 2).await);
    store_with_few.delete(&at.key).await.unwrap();

    let reader = store(grant("reader", &["+get", "+info"])).await;
    assert_eq!(value(&reader, &at).await.unwrap(), None);
    assert_eq!(kind(reader.create(&record(1), MINUTE).await), Denied);
    assert_eq!(kind(update(&reader, &at, 1).await), Denied);
    assert_eq!(kind(reader.delete(&at.key).await), Denied);
}

#[tokio::test]
async fn no_such_database() {
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

/// A server that says `answer` to whatever comes, and how connecting to it fails.
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
async fn a_value_of_another_type_under_the_key_of_a_session() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let at = create(&store, 1).await;
    let id = at.key.id().to_owned();
    store.delete(&at.key).await.unwrap();
    for make in [
        &["LPUSH", &id, "x"][..],
        &["HSET", &id, "x", "y"],
        &["SADD", &id, "x"],
    ] {
        redis.command(make).unwrap();
        assert_eq!(kind(value(&store, &at).await), Corrupt);
        assert_eq!(kind(update(&store, &at, 2).await), Corrupt);
        assert_eq!(kind(renew(&store, &at, 2).await), Corrupt);
        store.delete(&at.key).await.unwrap();
        assert_eq!(value(&store, &at).await.unwrap(), None);
    }
}

#[tokio::test]
async fn bytes_that_are_no_record_under_the_key_of_a_session() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let at = create(&store, 1).await;
    let (id, digest) = (at.key.id().to_owned(), at.key.secret_digest());
    for nonsense in [
        "hello",
        "",
        "[1,2]",
        &format!("0123456789abcdef{digest}{{}}"),
    ] {
        assert!(redis.command(&["SET", &id, nonsense]).unwrap().is_ok());
        assert_eq!(kind(value(&store, &at).await), Corrupt, "{nonsense}");
        let swap = update(&store, &at, 2).await.unwrap();
        assert!(
            !matches!(swap, sessile::storage::Swap::Stored(_)),
            "{nonsense}"
        );
        let kept = redis.command(&["GET", &id]).unwrap();
        assert_eq!(kept.text().unwrap(), nonsense);
    }
}

#[tokio::test]
async fn a_keygen_that_maps_two_keys_to_one() {
    let redis = Redis::start().unwrap();
    let builder = RedisSessionStore::builder(redis.url());
    let store = builder
        .cache_keygen(|_| "session".into())
        .build()
        .await
        .unwrap();
    let at = create(&store, 1).await;
    let error = failed(store.create(&record(2), MINUTE).await);
    assert_eq!(error.kind(), Misconfigured);
    assert!(whole(&error).contains("cache_keygen"), "{}", whole(&error));
    assert_eq!(
        value(&store, &at).await.unwrap(),
        Some(1),
        "it was overwritten"
    );
    // The key of one opens nothing of another's.
    let stranger = sessile::storage::generate_session_key();
    assert!(store.load(&stranger).await.unwrap().is_none());
}

#[tokio::test]
async fn a_life_that_is_very_long_or_very_short() {
    use std::time::Duration;
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let for_ever = store.create(&record(1), Duration::MAX).await.unwrap();
    assert_eq!(value(&store, &for_ever).await.unwrap(), Some(1));
    store
        .create(&record(1), Duration::from_nanos(1))
        .await
        .unwrap();
    let none = store.create(&record(1), Duration::ZERO).await.unwrap();
    assert_eq!(value(&store, &none).await.unwrap(), None);
}
