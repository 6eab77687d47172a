//! A Redis server that speaks TLS.

use super::{
    Redis,
    certificates::Certificates,
    config::{Mode, Setup},
};
use crate::Error;

/// A running `redis-server` that takes TLS and nothing else on its port.
///
/// Its certificate is for 127.0.0.1 and localhost, and comes from an authority of its own that nobody trusts
/// who wasn't told to: two servers have two authorities.
///
/// ```
/// use sessile_rig::redis::TlsRedis;
///
/// let redis = TlsRedis::start()?;
///
/// assert!(redis.url().starts_with("rediss://127.0.0.1:"));
/// assert!(redis.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// assert!(redis.server().command(&["SET", "key", "value"])?.is_ok());
/// # Ok::<(), sessile_rig::Error>(())
/// ```
#[derive(Debug)]
pub struct TlsRedis {
    server: Redis,
    certificates: Certificates,
}

impl TlsRedis {
    /// Starts a server that any client may talk to.
    ///
    /// # Errors
    ///
    /// As [`Redis::start`].
    pub fn start() -> Result<Self, Error> {
        Self::launch("no")
    }

    /// Starts a server that asks each client for a certificate, and refuses one without.
    ///
    /// # Errors
    ///
    /// As [`Redis::start`].
    pub fn start_with_client_certificates() -> Result<Self, Error> {
        Self::launch("yes")
    }

    /// Where it listens: `rediss://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port())
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The authority's certificate, which a client has to trust.
    pub fn ca_pem(&self) -> &str {
        &self.certificates.authority
    }

    /// A certificate that the server takes from a client.
    pub fn client_cert_pem(&self) -> &str {
        &self.certificates.client.certificate
    }

    /// The private key to [`client_cert_pem`](TlsRedis::client_cert_pem), as PKCS #8.
    pub fn client_key_pem(&self) -> &str {
        &self.certificates.client.key
    }

    /// The server, to look into.
    pub fn server(&self) -> &Redis {
        &self.server
    }

    /// The server, to freeze, kill and restart.
    pub fn server_mut(&mut self) -> &mut Redis {
        &mut self.server
    }

    fn launch(client_certificates: &str) -> Result<Self, Error> {
        let certificates = Certificates::issue()
            .map_err(Error::system("redis-server", "be given certificates"))?;
        let server = Redis::launch(&Setup {
            mode: Mode::Tls,
            lines: &[
                "tls-ca-cert-file ca.pem".to_owned(),
                "tls-cert-file server.pem".to_owned(),
                "tls-key-file server.key".to_owned(),
                format!("tls-auth-clients {client_certificates}"),
            ],
            files: &[
                ("ca.pem", &certificates.authority),
                ("server.pem", &certificates.server.certificate),
                ("server.key", &certificates.server.key),
            ],
            ..Setup::default()
        })?;
        Ok(Self {
            server,
            certificates,
        })
    }
}
