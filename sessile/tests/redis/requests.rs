//! The commands that a request sends.

use sessile::{
    Session,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::RedisSessionStore,
};
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{create, near_store, store, updated};

/// Loads the script into the server. Returns a function that takes the commands since its last call.
async fn after_script<'a>(
    store: &RedisSessionStore,
    proxy: &'a Proxy,
) -> impl Fn() -> Vec<String> + use<'a> {
    let at = create(store, 0).await;
    updated(store, &at, 0).await;
    proxy.take_requests();
    move || proxy.take_requests()
}

/// Commits the session. Returns the cookie that the browser sends back, if it gets one.
async fn commit(manager: &SessionManager<RedisSessionStore>, session: &Session) -> Option<String> {
    let head = ResponseHead::to("POST");
    let set_cookie = manager.commit(session, &head).await.unwrap().set_cookie?;
    Some(set_cookie.as_str().split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sends_the_commands_that_it_needs() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let asked = after_script(&store, &proxy).await;
    let key = SealingKey::generate();
    let manager = SessionManager::new(store, key, Settings::default()).unwrap();

    // A request without a session that stores nothing.
    let nothing: [&[u8]; 0] = [];
    let session = manager.open(nothing).await.unwrap();
    assert_eq!(commit(&manager, &session).await, None);
    assert_eq!(asked(), [""; 0]);

    let session = manager.open(nothing).await.unwrap();
    session.insert("n", 1).unwrap();
    let first = commit(&manager, &session).await.expect("a cookie");
    assert_eq!(asked(), ["SET"]);

    // A request that reads.
    let session = manager.open([first.as_bytes()]).await.unwrap();
    assert_eq!(session.get::<u32>("n").unwrap(), Some(1));
    commit(&manager, &session).await;
    assert_eq!(asked(), ["GET"]);

    // A request that changes the session.
    let session = manager.open([first.as_bytes()]).await.unwrap();
    session.insert("n", 2).unwrap();
    commit(&manager, &session).await;
    assert_eq!(asked(), ["GET", "EVALSHA"]);

    let session = manager.open([first.as_bytes()]).await.unwrap();
    session.renew();
    let second = commit(&manager, &session).await.expect("a cookie");
    assert_eq!(asked(), ["GET", "EVALSHA"]);

    let session = manager.open([second.as_bytes()]).await.unwrap();
    session.purge();
    commit(&manager, &session).await;
    assert_eq!(asked(), ["GET", "DEL"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_behind_a_near_cache_reads_after_a_change() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = near_store(format!("127.0.0.1:{}", proxy.port())).await;
    let asked = after_script(&store, &proxy).await;
    let key = SealingKey::generate();
    let manager = SessionManager::new(store, key, Settings::default()).unwrap();

    let nothing: [&[u8]; 0] = [];
    let session = manager.open(nothing).await.unwrap();
    session.insert("n", 0).unwrap();
    let visitor = commit(&manager, &session).await.expect("a cookie");
    assert_eq!(asked(), ["SET"]);
    for n in 1..20 {
        // Redis may announce this server's own change after the next read has begun, which is then not kept.
        let mut reads = 0;
        while reads < 3 {
            let session = manager.open([visitor.as_bytes()]).await.unwrap();
            assert_eq!(session.get::<u32>("n").unwrap(), Some(n - 1));
            commit(&manager, &session).await;
            match asked().as_slice() {
                [] => break,
                read => assert_eq!(read, ["GET", "PTTL"]),
            }
            reads += 1;
        }
        assert!((1..3).contains(&reads), "{reads} reads after a change");

        let session = manager.open([visitor.as_bytes()]).await.unwrap();
        session.insert("n", n).unwrap();
        commit(&manager, &session).await;
        assert_eq!(asked(), ["EVALSHA"]);
    }
}
