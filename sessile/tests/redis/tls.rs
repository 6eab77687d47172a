//! TLS: the certificates of servers and clients.

use sessile::storage::{RedisSessionStore, RedisTlsConfig, StoreErrorKind};
use sessile_rig::redis::{Redis, TlsRedis};

use crate::setup::{create, failed, kind, trusting, value, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_is_sent() {
    let redis = TlsRedis::start_with_client_certificates().unwrap();
    let builder = || RedisSessionStore::builder(redis.url());
    let with_certificate =
        trusting(&redis).client_certificate(redis.client_cert_pem(), redis.client_key_pem());
    let store = builder().tls(with_certificate).build().await.unwrap();
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));

    let without = builder().tls(trusting(&redis)).build().await;
    assert_eq!(kind(without), StoreErrorKind::Unavailable);
    #[cfg(feature = "redis-session-rustls")]
    assert!(
        rustls::crypto::CryptoProvider::get_default().is_none(),
        "a provider was installed for the process"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_unknown_authority_is_trusted_only_if_all_are() {
    let redis = TlsRedis::start().unwrap();
    let other = TlsRedis::start().unwrap();
    let builder = |tls| RedisSessionStore::builder(redis.url()).tls(tls).build();
    for tls in [RedisTlsConfig::default(), trusting(&other)] {
        let error = whole(&failed(builder(tls).await));
        assert!(error.to_lowercase().contains("certificate"), "{error}");
    }
    let any = RedisTlsConfig::default().danger_accept_any_certificate();
    let store = builder(any).await.unwrap();
    create(&store, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_has_to_be_for_the_name_of_the_server() {
    let redis = TlsRedis::start().unwrap();
    // The certificate is for 127.0.0.1 and localhost.
    let address = |host: &str| format!("rediss://{host}:{}", redis.port());
    let connect = |host| {
        let builder = RedisSessionStore::builder(address(host));
        builder.tls(trusting(&redis)).build()
    };
    connect("localhost").await.unwrap();
    assert_eq!(kind(connect("0.0.0.0").await), StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_and_tls_are_not_compatible() {
    let redis = TlsRedis::start().unwrap();
    let plain = redis.url().replace("rediss://", "redis://");
    // The server sends a TLS alert and closes the connection, and either may arrive first.
    let refused = kind(RedisSessionStore::new(plain).await);
    assert!(matches!(
        refused,
        StoreErrorKind::Incompatible | StoreErrorKind::Unavailable
    ));
    let redis = Redis::start().unwrap();
    let tls = redis.url().replace("redis://", "rediss://");
    let builder = RedisSessionStore::builder(tls);
    assert_eq!(kind(builder.build().await), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn malformed_certificates_are_refused_before_connecting() {
    let build = |address, tls| RedisSessionStore::builder(address).tls(tls).build();
    let nonsense = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
    let default = RedisTlsConfig::default;
    for (address, tls) in [
        (
            "rediss://127.0.0.1:1",
            default().root_certificates(nonsense),
        ),
        ("rediss://127.0.0.1:1", default().root_certificates("")),
        (
            "rediss://127.0.0.1:1",
            default().client_certificate(nonsense, "no key either"),
        ),
        ("redis://127.0.0.1:1", default()),
    ] {
        let built = build(address, tls).await;
        assert_eq!(kind(built), StoreErrorKind::Misconfigured, "{address}");
    }
}
