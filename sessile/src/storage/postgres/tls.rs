//! TLS as `sslmode` asks for it.

use std::error::Error;

use rustls::{
    ClientConfig,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::storage::{
    sql::Fault,
    tls::{self, Authority, Check},
};

/// The TLS settings that `sslmode` and related parameters describe.
#[derive(Default)]
pub(super) struct TlsSettings {
    pub(super) mode: Mode,
    /// A file with the certificates of authorities.
    pub(super) roots: Option<String>,
    /// A file with a certificate, and one with its key.
    pub(super) client: Option<(String, String)>,
}

/// The values of `sslmode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    pub(super) const NAMES: &[(&str, Self)] = &[
        ("disable", Self::Disable),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    /// How the driver negotiates TLS.
    pub(super) fn negotiation(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

/// Why the certificates can't be used.
#[derive(Debug, thiserror::Error)]
enum TlsError {
    #[error("the file of `{parameter}` can't be read")]
    File {
        parameter: &'static str,
        #[source]
        cause: pem::Error,
    },
    #[error("the file of `sslrootcert` has no certificate that can be used")]
    NoRoots,
    #[error("the operating system trusts no certificate: set `sslrootcert`")]
    NoSystemRoots,
}

impl TlsSettings {
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Fault> {
        let mut config = self.config().map_err(Fault::address)?;
        // Servers require it for `sslnegotiation=direct`.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }

    fn config(&self) -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
        // As in libpq, `require` verifies the authority if one is given.
        let check = match (self.mode, &self.roots) {
            (Mode::VerifyFull, _) => Check::AuthorityAndName(self.authority()?),
            (Mode::VerifyCa, _) | (Mode::Require, Some(_)) => Check::Authority(self.authority()?),
            _ => Check::Nothing,
        };
        let identity = match &self.client {
            Some((certificates, key)) => Some((
                certificates_in(certificates, "sslcert")?,
                PrivateKeyDer::from_pem_file(key).map_err(in_file("sslkey"))?,
            )),
            None => None,
        };
        Ok(tls::client_config(check, identity)?)
    }

    fn authority(&self) -> Result<Authority, Box<dyn Error + Send + Sync>> {
        let (authority, none) = match self.roots.as_deref() {
            None | Some("system") => (Authority::of_system()?, TlsError::NoSystemRoots),
            Some(file) => {
                let roots = certificates_in(file, "sslrootcert")?;
                (Authority::of(roots)?, TlsError::NoRoots)
            }
        };
        authority.ok_or_else(|| none.into())
    }
}

fn certificates_in(
    file: &str,
    parameter: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    certificates.map_err(in_file(parameter))
}

fn in_file(parameter: &'static str) -> impl Fn(pem::Error) -> TlsError {
    move |cause| TlsError::File { parameter, cause }
}
