//! A Redis server with TLS.

use super::{
    Redis,
    config::{Mode, Setup},
    sentinel::MASTER_NAME,
};
use crate::{Error, certificates::Certificates};

/// A running `redis-server` that accepts only TLS on its port.
///
/// Its certificate is for 127.0.0.1 and localhost. Each server has its own authority, so a client trusts the server only
/// if it was configured with that authority.
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
    /// Starts a server that accepts any client.
    ///
    /// # Errors
    ///
    /// The errors of [`Redis::start`].
    pub fn start() -> Result<Self, Error> {
        Self::launch("no")
    }

    /// Starts a server that requires a certificate from each client.
    ///
    /// # Errors
    ///
    /// The errors of [`Redis::start`].
    pub fn start_with_client_certificates() -> Result<Self, Error> {
        Self::launch("yes")
    }

    /// Starts a sentinel that accepts any client, and that monitors the master on this port of 127.0.0.1 alone. Its
    /// name of the master is `sessile`.
    ///
    /// # Errors
    ///
    /// The errors of [`Redis::start`].
    pub fn start_as_sentinel(master_port: u16) -> Result<Self, Error> {
        let monitor = format!("sentinel monitor {MASTER_NAME} 127.0.0.1 {master_port} 1");
        Self::launch_as(Mode::TlsSentinel, "no", &[monitor])
    }

    /// The URL of the server: `rediss://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port())
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The certificate of the authority, which a client has to trust.
    pub fn ca_pem(&self) -> &str {
        &self.certificates.authority
    }

    /// A client certificate that the server accepts.
    pub fn client_cert_pem(&self) -> &str {
        &self.certificates.client.certificate
    }

    /// The private key of [`client_cert_pem`](TlsRedis::client_cert_pem), as PKCS #8.
    pub fn client_key_pem(&self) -> &str {
        &self.certificates.client.key
    }

    /// The server.
    pub fn server(&self) -> &Redis {
        &self.server
    }

    /// The server, for freezing, killing and restarting it.
    pub fn server_mut(&mut self) -> &mut Redis {
        &mut self.server
    }

    fn launch(client_certificates: &str) -> Result<Self, Error> {
        Self::launch_as(Mode::Tls, client_certificates, &[])
    }

    fn launch_as(mode: Mode, client_certificates: &str, lines: &[String]) -> Result<Self, Error> {
        let certificates = Certificates::issue()
            .map_err(Error::system("redis-server", "generate certificates"))?;
        let tls = [
            "tls-ca-cert-file ca.pem".to_owned(),
            "tls-cert-file server.pem".to_owned(),
            "tls-key-file server.key".to_owned(),
            format!("tls-auth-clients {client_certificates}"),
        ];
        let server = Redis::launch(&Setup {
            mode,
            lines: &[&tls, lines].concat(),
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
