//! [`RedisTlsConfig`]: the certificates of connections over TLS.

#[cfg(not(feature = "redis-session-rustls"))]
mod native;
#[cfg(feature = "redis-session-rustls")]
mod rustls;

use std::{error::Error, fmt, sync::Arc};

#[cfg(not(feature = "redis-session-rustls"))]
pub(super) use self::native::TlsConnector;
#[cfg(feature = "redis-session-rustls")]
pub(super) use self::rustls::TlsConnector;

/// The certificates of connections over TLS: those that the store trusts, and the one that it sends.
///
/// By default, a server needs a certificate for its host name from an authority that the operating system trusts, and
/// the store sends none. Nothing is installed for the whole process.
///
/// ```
/// use sessile::storage::{RedisSessionStore, RedisTlsConfig, StoreErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let tls = RedisTlsConfig::default().root_certificates("not a certificate");
/// let store = RedisSessionStore::builder("rediss://redis.internal").tls(tls).build().await;
/// assert_eq!(store.unwrap_err().kind(), StoreErrorKind::Misconfigured);
/// # });
/// ```
#[derive(Clone, Default)]
pub struct RedisTlsConfig {
    roots: Option<Vec<u8>>,
    client: Option<ClientPem>,
    accepts_any: bool,
}

/// A certificate with its chain, and its private key.
#[derive(Clone)]
struct ClientPem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl RedisTlsConfig {
    /// Trusts the authorities with these certificates, in PEM, in place of those that the operating system trusts.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Sends this certificate to the server. The certificate and its private key are in PEM, the key as PKCS #8.
    pub fn client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.client = Some(ClientPem {
            certificate: certificate_pem.into(),
            key: key_pem.into(),
        });
        self
    }

    /// Accepts any certificate, for any name.
    ///
    /// **The risk:** an attacker who controls the network can read and change every session, and learn the password.
    /// For a server with a certificate of your own, use [`root_certificates`](Self::root_certificates).
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.accepts_any = true;
        self
    }
}

impl fmt::Debug for RedisTlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTlsConfig")
            .field("accepts_any", &self.accepts_any)
            .finish_non_exhaustive()
    }
}

/// Why certificates can't be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum TlsError {
    #[error("the root certificates are not in PEM, or none of them can be used")]
    Roots,
    #[cfg(feature = "redis-session-rustls")]
    #[error("the operating system trusts no certificate")]
    NoSystemRoots,
    #[error("the client's certificate or its key can't be used")]
    Client(#[source] Arc<dyn Error + Send + Sync>),
    #[error("TLS can't be set up")]
    Setup(#[source] Arc<dyn Error + Send + Sync>),
}
