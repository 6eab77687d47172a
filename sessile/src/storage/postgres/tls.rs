//! TLS as `sslmode` asks for it.

use std::{error::Error, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::storage::sql::Fault;

/// What `sslmode` and its companions ask for.
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
    /// A connector with the cryptography of this crate, whatever the process uses elsewhere.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Fault> {
        let mut config = self
            .config()
            .map_err(|cause| Fault::Address(cause.into()))?;
        // Servers require it for `sslnegotiation=direct`.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }

    fn config(&self) -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
        let provider = Arc::new(ring::default_provider());
        // As in libpq, `require` verifies the authority if one is given.
        let check = match (self.mode, &self.roots) {
            (Mode::VerifyFull, _) => Check::AuthorityAndName(self.authority(&provider)?),
            (Mode::VerifyCa, _) | (Mode::Require, Some(_)) => {
                Check::Authority(self.authority(&provider)?)
            }
            _ => Check::Nothing,
        };
        let verifier = Verifier {
            provider: Arc::clone(&provider),
            check,
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some((certificates, key)) = &self.client else {
            return Ok(config.with_no_client_auth());
        };
        let certificates = certificates_in(certificates, "sslcert")?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(in_file("sslkey"))?;
        Ok(config.with_client_auth_cert(certificates, key)?)
    }

    fn authority(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<WebPkiServerVerifier>, Box<dyn Error + Send + Sync>> {
        let mut roots = RootCertStore::empty();
        let (certificates, none) = match self.roots.as_deref() {
            None | Some("system") => {
                let native = rustls_native_certs::load_native_certs();
                (native.certs, TlsError::NoSystemRoots)
            }
            Some(file) => (certificates_in(file, "sslrootcert")?, TlsError::NoRoots),
        };
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(none.into());
        }
        let provider = Arc::clone(provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
        Ok(verifier.build()?)
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

/// Verifies certificates with the cryptography of this crate.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    check: Check,
}

/// The certificates that are accepted.
#[derive(Debug)]
enum Check {
    /// All: `prefer` and `require` protect only from those who listen.
    Nothing,
    /// Those of a known authority, for any name.
    Authority(Arc<WebPkiServerVerifier>),
    /// Those of a known authority for the name of the server.
    AuthorityAndName(Arc<WebPkiServerVerifier>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (authority, checks_name) = match &self.check {
            Check::Nothing => return Ok(ServerCertVerified::assertion()),
            Check::Authority(authority) => (authority, false),
            Check::AuthorityAndName(authority) => (authority, true),
        };
        let verified = authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The name is verified last.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => match checks_name {
                // Without the names, which are a part of the address.
                true => Err(CertificateError::NotValidForName.into()),
                false => Ok(ServerCertVerified::assertion()),
            },
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
