//! TLS: the certificates of servers and clients.

use sessile::storage::{RedisSessionStore, StoreErrorKind};
use sessile_rig::redis::{Redis, TlsRedis};

use crate::setup::{create, failed, kind, value, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_is_sent() {
    let redis = TlsRedis::start_with_client_certificates().unwrap();
    let builder = || RedisSessionStore::builder(redis.url()).tls_root_certificates(redis.ca_pem());
    let with_certificate =
        builder().tls_client_certificate(redis.client_cert_pem(), redis.client_key_pem());
    let store = with_certificate.build().await.unwrap();
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));

    assert_eq!(kind(builder().build().await), StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let redis = TlsRedis::start().unwrap();
    let other = TlsRedis::start().unwrap();
    let error = failed(RedisSessionStore::new(redis.url()).await);
    assert!(
        whole(&error).to_lowercase().contains("certificate"),
        "{}",
        whole(&error)
    );
    let builder = RedisSessionStore::builder(redis.url()).tls_root_certificates(other.ca_pem());
    let error = failed(builder.build().await);
    assert!(
        whole(&error).to_lowercase().contains("certificate"),
        "{}",
        whole(&error)
    );
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
    let builder = || RedisSessionStore::builder("rediss://127.0.0.1:1");
    let nonsense = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
    let with_root = builder().tls_root_certificates(nonsense);
    assert_eq!(kind(with_root.build().await), StoreErrorKind::Misconfigured);
    let with_client = builder().tls_client_certificate(nonsense, "no key either");
    assert_eq!(
        kind(with_client.build().await),
        StoreErrorKind::Misconfigured
    );
    let without_tls = RedisSessionStore::builder("redis://127.0.0.1:1");
    let without_tls = without_tls.tls_root_certificates(nonsense);
    assert_eq!(
        kind(without_tls.build().await),
        StoreErrorKind::Misconfigured
    );
}
