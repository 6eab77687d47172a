//! A PostgreSQL server with TLS.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{Kind, Postgres};
use crate::{Error, certificates::Certificates, database::account};

/// A running PostgreSQL server that accepts only TLS on its port.
///
/// Its certificate is for 127.0.0.1 and localhost. Each server has its own authority, so a client trusts the server only
/// if it was configured with that authority.
///
/// ```
/// use sessile_rig::postgres::TlsPostgres;
///
/// let postgres = TlsPostgres::start()?;
///
/// assert_eq!(postgres.server().execute("SHOW ssl")?, "on\n");
/// assert!(postgres.ca().is_file());
/// # Ok::<(), sessile_rig::Error>(())
/// ```
#[derive(Debug)]
pub struct TlsPostgres {
    server: Postgres,
}

impl TlsPostgres {
    /// Starts a server that accepts any client.
    ///
    /// # Errors
    ///
    /// The errors of [`Postgres::start`].
    pub fn start() -> Result<Self, Error> {
        Self::launch("")
    }

    /// Starts a server that requires a certificate from each client.
    ///
    /// # Errors
    ///
    /// The errors of [`Postgres::start`].
    pub fn start_with_client_certificates() -> Result<Self, Error> {
        Self::launch("clientcert=verify-ca")
    }

    /// The file with the certificate of the authority, which a client has to trust.
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// A file with a client certificate that the server accepts.
    pub fn client_certificate(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// The file with the private key of [`client_certificate`](TlsPostgres::client_certificate), as PKCS #8.
    pub fn client_key(&self) -> PathBuf {
        self.file("client.key")
    }

    /// The server.
    pub fn server(&self) -> &Postgres {
        &self.server
    }

    fn launch(clients: &str) -> Result<Self, Error> {
        let failed = |action| Error::system("postgres", action);
        let certificates = Certificates::issue().map_err(failed("generate certificates"))?;
        let mut server = Postgres::start()?;
        let folder = server.folder().to_owned();
        let rules = format!("local all all trust\nhostssl all all all scram-sha-256 {clients}\n");
        let (own, client) = (&certificates.server, &certificates.client);
        for (name, content) in [
            ("ca.pem", &certificates.authority),
            ("server.pem", &own.certificate),
            ("server.key", &own.key),
            ("client.pem", &client.certificate),
            ("client.key", &client.key),
            ("rules", &rules),
        ] {
            write(&folder.join(name), content).map_err(failed("write a file"))?;
            let account = account::<Kind>()?;
            let owned = account.chown(&folder.join(name));
            owned.map_err(failed("change the owner of a file"))?;
        }
        let path = |name| folder.join(name).display().to_string();
        server.restart_with(&[
            "ssl=on",
            &format!("ssl_ca_file={}", path("ca.pem")),
            &format!("ssl_cert_file={}", path("server.pem")),
            &format!("ssl_key_file={}", path("server.key")),
            &format!("hba_file={}", path("rules")),
        ])?;
        Ok(Self { server })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }
}

/// The server accepts no key that others may read.
fn write(file: &Path, content: &str) -> std::io::Result<()> {
    fs::write(file, content)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}
