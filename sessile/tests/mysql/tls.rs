//! TLS, on servers with certificates of their own authority.

use std::path::Path;

use rustls::crypto::CryptoProvider;
use sessile::storage::StoreErrorKind::{Denied, Misconfigured, Unavailable};
use sessile_rig::mariadb::{MariaDb, TlsMariaDb};

use crate::sql::setup::{built, create, patient, refused, value};

/// An address with these parameters, of the server under another name.
fn address(server: &TlsMariaDb, host: &str, parameters: &str) -> String {
    let port = server.server().port();
    format!("mysql://sessile:secret@{host}:{port}/sessile?create_table=true&{parameters}")
}

async fn works(address: String) {
    let store = built(patient(address)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

fn roots(file: &Path) -> String {
    format!("ssl-ca={}", file.display())
}

#[tokio::test]
async fn the_mode_decides_what_is_verified_and_no_provider_is_installed() {
    // The certificate is not for the second address.
    let server = TlsMariaDb::start_with(&["bind-address=127.0.0.1,127.0.0.2"]).unwrap();
    let stranger = TlsMariaDb::start().unwrap();
    let (own, other) = (roots(&server.ca()), roots(&stranger.ca()));
    for (host, mode, roots, is_accepted) in [
        ("127.0.0.1", "VERIFY_IDENTITY", own.as_str(), true),
        ("localhost", "VERIFY_IDENTITY", &own, true),
        ("127.0.0.2", "VERIFY_IDENTITY", &own, false),
        ("127.0.0.1", "VERIFY_IDENTITY", &other, false),
        ("127.0.0.1", "VERIFY_IDENTITY", "", false),
        ("127.0.0.2", "REQUIRED", "", true),
        ("127.0.0.2", "PREFERRED", "", true),
    ] {
        let address = address(&server, host, &format!("ssl-mode={mode}&{roots}"));
        if is_accepted {
            works(address).await;
        } else {
            let (kind, text) = refused(patient(address)).await;
            assert_eq!(kind, Unavailable, "{host} {mode} {roots}: {text}");
            assert!(text.contains("certificate"), "{text}");
        }
    }
    // The server accepts nothing else.
    let (kind, text) = refused(patient(address(&server, "localhost", "ssl-mode=DISABLED"))).await;
    assert_eq!(kind, Denied, "{text}");
    // The driver would install a provider, or panic if it has several to choose from.
    let (kind, text) = refused(patient(address(&server, "127.0.0.1", "ssl-mode=VERIFY_CA"))).await;
    assert_eq!(kind, Misconfigured, "{text}");
    assert!(text.contains("VERIFY_IDENTITY"), "{text}");
    assert!(CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_client_can_have_a_certificate() {
    let server = TlsMariaDb::start_with_client_certificates().unwrap();
    let verify = format!("ssl-mode=VERIFY_IDENTITY&{}", roots(&server.ca()));
    let identity = format!(
        "{verify}&ssl-cert={}&ssl-key={}",
        server.client_certificate().display(),
        server.client_key().display()
    );
    works(address(&server, "localhost", &identity)).await;
    let (kind, text) = refused(patient(address(&server, "localhost", &verify))).await;
    assert_eq!(kind, Denied, "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_tls_is_optional() {
    let server = MariaDb::start().unwrap();
    for mode in ["REQUIRED", "VERIFY_IDENTITY"] {
        let (kind, text) = refused(patient(format!("{}?ssl-mode={mode}", server.url()))).await;
        assert_eq!(kind, Unavailable, "{text}");
        assert!(text.contains("TLS"), "{text}");
    }
    for mode in ["DISABLED", "PREFERRED"] {
        works(format!(
            "{}?ssl-mode={mode}&create_table=true",
            server.url()
        ))
        .await;
    }
}
