//! A database server with TLS.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{Database, Kind, account};
use crate::{Error, certificates::Certificates};

/// A running database server that accepts only TLS on its port.
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
pub struct TlsDatabase<K: TlsKind> {
    server: Database<K>,
}

/// A kind of database server that can accept only TLS.
pub trait TlsKind: Kind {
    /// The settings of such a server, with the names of files in `folder`: `ca.pem`, `server.pem`, `server.key`, and
    /// `rules`, which has the content of [`rules`](TlsKind::rules).
    fn settings(folder: &Path) -> Vec<String>;

    /// Which clients the server accepts.
    fn rules(need_certificates: bool) -> String;
}

impl<K: TlsKind> TlsDatabase<K> {
    /// Starts a server that accepts any client.
    ///
    /// # Errors
    ///
    /// The errors of [`Database::start`].
    pub fn start() -> Result<Self, Error> {
        Self::launch(false, &[])
    }

    /// Starts a server with additional settings.
    ///
    /// # Errors
    ///
    /// The errors of [`Database::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self, Error> {
        Self::launch(false, settings)
    }

    /// Starts a server that requires a certificate from each client.
    ///
    /// # Errors
    ///
    /// The errors of [`Database::start`].
    pub fn start_with_client_certificates() -> Result<Self, Error> {
        Self::launch(true, &[])
    }

    /// The file with the certificate of the authority, which a client has to trust.
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// A file with a client certificate that the server accepts.
    pub fn client_certificate(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// The file with the private key of [`client_certificate`](TlsDatabase::client_certificate), as PKCS #8.
    pub fn client_key(&self) -> PathBuf {
        self.file("client.key")
    }

    /// The server.
    pub fn server(&self) -> &Database<K> {
        &self.server
    }

    fn launch(need_certificates: bool, settings: &[&str]) -> Result<Self, Error> {
        let failed = |action| Error::system(K::PROGRAM, action);
        let certificates = Certificates::issue().map_err(failed("generate certificates"))?;
        let mut server = Database::<K>::start()?;
        let folder = server.folder().to_owned();
        let rules = K::rules(need_certificates);
        let (own, client) = (&certificates.server, &certificates.client);
        let account = account::<K>()?;
        for (name, content) in [
            ("ca.pem", &certificates.authority),
            ("server.pem", &own.certificate),
            ("server.key", &own.key),
            ("client.pem", &client.certificate),
            ("client.key", &client.key),
            ("rules", &rules),
        ] {
            let file = folder.join(name);
            write(&file, content).map_err(failed("write a file"))?;
            let owned = account.chown(&file);
            owned.map_err(failed("change the owner of a file"))?;
        }
        let own = K::settings(&folder);
        let settings: Vec<_> = own
            .iter()
            .map(String::as_str)
            .chain(settings.iter().copied())
            .collect();
        server.restart_with(&settings)?;
        Ok(Self { server })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }
}

/// The server accepts no key that others may read.
fn write(file: &Path, content: &str) -> io::Result<()> {
    fs::write(file, content)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}
