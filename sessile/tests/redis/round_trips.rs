//! What each operation costs.

use sessile::{
    SealingKey, SessionManager, Settings,
    storage::{RedisSessionStore, SessionStore as _},
};
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{create, renew, store, stored, update, value};

struct Scene {
    _redis: Redis,
    proxy: Proxy,
    store: RedisSessionStore,
}

impl Scene {
    async fn new() -> Self {
        let redis = Redis::start().unwrap();
        let proxy = Proxy::start(redis.port()).unwrap();
        let store = store(format!("127.0.0.1:{}", proxy.port())).await;
        // The server has seen the scripts.
        let at = create(&store, 0).await;
        stored(update(&store, &at, 0).await);
        proxy.take_requests();
        Self {
            _redis: redis,
            proxy,
            store,
        }
    }

    /// What was asked since this was last called.
    fn asked(&self) -> Vec<String> {
        self.proxy.take_requests()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_one_command() {
    let scene = Scene::new().await;
    let at = create(&scene.store, 1).await;
    assert_eq!(scene.asked(), ["EVALSHA"]);
    value(&scene.store, &at).await.unwrap();
    assert_eq!(scene.asked(), ["GET"]);
    let at = stored(update(&scene.store, &at, 2).await);
    assert_eq!(scene.asked(), ["EVALSHA"]);
    let at = stored(renew(&scene.store, &at, 3).await);
    assert_eq!(scene.asked(), ["EVALSHA"]);
    scene.store.delete(&at.key).await.unwrap();
    assert_eq!(scene.asked(), ["DEL"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_as_many_as_it_has_to_be() {
    let scene = Scene::new().await;
    let key = SealingKey::generate();
    let manager = SessionManager::new(scene.store.clone(), key, Settings::default()).unwrap();
    let cookie = |set_cookie: Option<sessile::SetCookie>| {
        let set_cookie = set_cookie.expect("a cookie");
        set_cookie.as_str().split(';').next().unwrap().to_owned()
    };

    // An anonymous request that stores nothing.
    let nothing: [&[u8]; 0] = [];
    let session = manager.open(nothing).await.unwrap();
    assert!(manager.commit(&session).await.unwrap().is_none());
    assert_eq!(scene.asked(), [""; 0]);

    let session = manager.open(nothing).await.unwrap();
    session.insert("n", 1).unwrap();
    let first = cookie(manager.commit(&session).await.unwrap());
    assert_eq!(scene.asked(), ["EVALSHA"]);

    // One that reads.
    let session = manager.open([first.as_bytes()]).await.unwrap();
    assert_eq!(session.get::<u32>("n").unwrap(), Some(1));
    manager.commit(&session).await.unwrap();
    assert_eq!(scene.asked(), ["GET"]);

    // One that changes something.
    let session = manager.open([first.as_bytes()]).await.unwrap();
    session.insert("n", 2).unwrap();
    manager.commit(&session).await.unwrap();
    assert_eq!(scene.asked(), ["GET", "EVALSHA"]);

    let session = manager.open([first.as_bytes()]).await.unwrap();
    session.renew();
    let second = cookie(manager.commit(&session).await.unwrap());
    assert_eq!(scene.asked(), ["GET", "EVALSHA"]);

    let session = manager.open([second.as_bytes()]).await.unwrap();
    session.purge();
    manager.commit(&session).await.unwrap();
    assert_eq!(scene.asked(), ["GET", "DEL"]);
}
