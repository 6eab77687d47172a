//! Servers and settings that a near cache does not work with.

use deadpool_redis::{Config, Runtime};
use sessile::storage::{NearCacheConfig, RedisSessionStore, SessionStore as _, StoreErrorKind};
use sessile_rig::{
    proxy::{Fault, Proxy},
    redis::Redis,
};

use crate::setup::{create, failed, kind, store, updated, value, whole};

fn builder(url: String) -> sessile::storage::RedisSessionStoreBuilder {
    RedisSessionStore::builder(url).near_cache(NearCacheConfig::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_too_old_is_refused_when_the_store_is_built() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    for (command, answer) in [
        (
            "HELLO",
            "ERR unknown command `HELLO`, with args beginning with: `3`, ",
        ),
        ("HELLO", "NOPROTO unsupported protocol version"),
        (
            "CLIENT",
            "ERR Unknown subcommand 'TRACKING'. Try CLIENT HELP.",
        ),
    ] {
        proxy.inject_on(command, Fault::error(answer));
        let error = failed(builder(format!("127.0.0.1:{}", proxy.port())).build().await);
        assert_eq!(error.kind(), StoreErrorKind::Incompatible, "{answer}");
        assert!(whole(&error).contains("Redis 6.0"), "{}", whole(&error));
        assert_eq!(proxy.pending_faults(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_refused() {
    let redis = Redis::start().unwrap();
    let config = Config::from_url(redis.url());
    let pool = config.create_pool(Some(Runtime::Tokio1)).unwrap();
    let builder = RedisSessionStore::builder_pooled(pool).near_cache(NearCacheConfig::default());
    let error = failed(builder.build().await);
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(whole(&error).contains("pool"), "{}", whole(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_named() {
    let redis = Redis::start().unwrap();
    let may = |rights: &str| {
        let mut words = vec!["ACL", "SETUSER", "app", "reset", "on", ">secret", "~*"];
        words.extend(rights.split(' '));
        assert!(redis.command(&words).unwrap().is_ok());
    };
    let url = format!("redis://app:secret@127.0.0.1:{}", redis.port());

    may("+@all -client|tracking");
    let error = failed(builder(url.clone()).build().await);
    assert_eq!(error.kind(), StoreErrorKind::Denied);
    assert!(
        whole(&error).contains("client|tracking"),
        "{}",
        whole(&error)
    );
    assert!(!whole(&error).contains("secret"));

    // The rights that the documentation names.
    may("+get +set +getrange +del +eval +evalsha +pttl +client|tracking");
    let at = create(&store(redis.url()).await, 1).await;
    let near = builder(url).build().await.unwrap();
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    let at = updated(&near, &at, 2).await;
    near.delete(&at.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_denied_as_without_a_near_cache() {
    let redis = Redis::start_with(&["--requirepass", "right"]).unwrap();
    let url = |user: &str| format!("redis://{user}127.0.0.1:{}", redis.port());
    for user in ["", ":wrong@", "default:wrong@", "stranger:right@"] {
        let error = builder(url(user)).build().await;
        assert_eq!(kind(error), StoreErrorKind::Denied, "{user}");
    }
    for user in [":right@", "default:right@"] {
        let near = builder(url(user)).build().await.unwrap();
        create(&near, 1).await;
    }
}
