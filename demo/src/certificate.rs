//! The certificate for HTTPS. It is stored in a file, so a browser that accepted it once accepts it after a restart.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::private_file;

/// The names that the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The certificate could not be read or created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("the file {} has no certificate with its private key; remove it to create a new one", path.display())]
    Parse {
        path: PathBuf,
        source: rustls::pki_types::pem::Error,
    },

    #[error("the certificate in {} can't be used; remove it to create a new one", path.display())]
    Use {
        path: PathBuf,
        source: rustls::Error,
    },

    #[error("the certificate file {} can't be created", path.display())]
    Create { path: PathBuf, source: io::Error },
}

/// Reads the certificate from `path`. If the file does not exist, creates it with a new certificate.
pub(crate) fn load_or_create(path: &Path) -> Result<ServerConfig, CertificateError> {
    if !path.exists() {
        create(path).map_err(|source| CertificateError::Create {
            path: path.to_owned(),
            source,
        })?;
    }
    let parse = |source| CertificateError::Parse {
        path: path.to_owned(),
        source,
    };
    let chain = CertificateDer::pem_file_iter(path).map_err(parse)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(parse)?;
    let key = PrivateKeyDer::from_pem_file(path).map_err(parse)?;
    configure(chain, key).map_err(|source| CertificateError::Use {
        path: path.to_owned(),
        source,
    })
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}

fn create(path: &Path) -> io::Result<()> {
    let names = NAMES.map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let text = made.cert.pem() + &made.signing_key.serialize_pem();
    private_file::create(path, &text)?;
    tracing::info!(path = %path.display(), "created a certificate");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_created_certificate_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.pem");
        assert!(load_or_create(&path).is_ok());
        let created = fs::read_to_string(&path).unwrap();
        assert!(load_or_create(&path).is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), created);
    }

    #[test]
    fn a_file_without_a_certificate_or_its_key_is_refused_and_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.pem");
        load_or_create(&path).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let (certificate, key) = whole.split_at(whole.find("-----BEGIN PRIVATE KEY").unwrap());
        for part in ["", "text", certificate, key] {
            fs::write(&path, part).unwrap();
            assert!(load_or_create(&path).is_err(), "{part}");
            assert_eq!(fs::read_to_string(&path).unwrap(), part);
        }
    }
}
