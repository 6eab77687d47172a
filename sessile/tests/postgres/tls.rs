//! TLS, on servers with certificates of their own authority.

use std::path::Path;

use rustls::crypto::CryptoProvider;
use sessile::storage::StoreErrorKind::{Denied, Misconfigured, Unavailable};
use sessile_rig::postgres::{Postgres, TlsPostgres};

use crate::sql::setup::{built, create, patient, refused, value};

/// An address with these parameters, of the server under another name.
fn address(server: &TlsPostgres, host: &str, parameters: &str) -> String {
    let port = server.server().port();
    format!(
        "postgres://sessile:secret@{host}:{port}/sessile?hostaddr=127.0.0.1&create_table=true&{parameters}"
    )
}

async fn works(address: String) {
    let store = built(patient(address)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

fn roots(file: &Path) -> String {
    format!("sslrootcert={}", file.display())
}

#[tokio::test]
async fn the_mode_decides_what_is_verified() {
    let server = TlsPostgres::start().unwrap();
    let stranger = TlsPostgres::start().unwrap();
    let (own, other) = (roots(&server.ca()), roots(&stranger.ca()));
    for (host, mode, roots, is_accepted) in [
        ("127.0.0.1", "verify-full", own.as_str(), true),
        ("localhost", "verify-full", &own, true),
        ("db.example", "verify-full", &own, false),
        ("127.0.0.1", "verify-full", &other, false),
        ("127.0.0.1", "verify-full", "sslrootcert=system", false),
        ("db.example", "verify-ca", &own, true),
        ("127.0.0.1", "verify-ca", &other, false),
        ("db.example", "require", &own, true),
        ("127.0.0.1", "require", &other, false),
        ("db.example", "require", "", true),
        ("db.example", "prefer", "", true),
    ] {
        let address = address(&server, host, &format!("sslmode={mode}&{roots}"));
        if is_accepted {
            works(address).await;
        } else {
            let (kind, text) = refused(patient(address)).await;
            let expected = [Unavailable, Misconfigured].contains(&kind);
            assert!(expected, "{host} {mode} {roots}: {text}");
            assert!(text.contains("certificate"), "{text}");
            assert!(!text.contains(host), "{text}");
        }
    }
    // The server accepts nothing else.
    let (kind, text) = refused(patient(address(&server, "localhost", "sslmode=disable"))).await;
    assert_eq!(kind, Denied, "{text}");
    assert!(CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_client_can_have_a_certificate() {
    let server = TlsPostgres::start_with_client_certificates().unwrap();
    let identity = format!(
        "sslmode=verify-full&{}&sslcert={}&sslkey={}",
        roots(&server.ca()),
        server.client_certificate().display(),
        server.client_key().display()
    );
    works(address(&server, "localhost", &identity)).await;
    let without = format!("sslmode=verify-full&{}", roots(&server.ca()));
    let (kind, text) = refused(patient(address(&server, "localhost", &without))).await;
    assert_eq!(kind, Denied, "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_tls_is_optional() {
    let server = Postgres::start().unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let ca = TlsPostgres::start().unwrap();
        let parameters = format!("?sslmode={mode}&{}", roots(&ca.ca()));
        let (kind, text) = refused(patient(server.url() + &parameters)).await;
        assert_eq!(kind, Unavailable, "{text}");
        assert!(text.contains("TLS"), "{text}");
    }
    for mode in ["disable", "prefer"] {
        works(format!("{}?sslmode={mode}&create_table=true", server.url())).await;
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let server = TlsPostgres::start().unwrap();
    let (ca, key) = (server.ca(), server.client_key());
    for (parameters, expected) in [
        (
            "sslmode=verify-full&sslrootcert=/missing.pem".to_owned(),
            "`sslrootcert`",
        ),
        (
            format!("sslmode=verify-full&{}", roots(&key)),
            "`sslrootcert`",
        ),
        (
            format!("sslcert=/missing.pem&sslkey={}", key.display()),
            "`sslcert`",
        ),
        (format!("sslcert={0}&sslkey={0}", ca.display()), "`sslkey`"),
        ("sslcert=/x".to_owned(), "`sslkey`"),
        ("ssl_mode=verify-full".to_owned(), "`ssl_mode`"),
        ("sslmode=verify_full".to_owned(), "`sslmode`"),
    ] {
        let (kind, text) = refused(patient(address(&server, "localhost", &parameters))).await;
        assert_eq!(kind, Misconfigured, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
