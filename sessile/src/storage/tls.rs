//! TLS by `rustls`, with the cryptography of this crate, whatever the process uses elsewhere.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
};

/// The certificates that are accepted of a server.
#[derive(Debug)]
pub(super) enum Check {
    /// All certificates: TLS then protects only against eavesdropping.
    Nothing,
    /// Certificates of a known authority, for any name.
    #[cfg(feature = "postgres-session")]
    Authority(Authority),
    /// Certificates of a known authority for the name of the server.
    AuthorityAndName(Authority),
}

/// Verifies that certificates are of one of its authorities.
#[derive(Debug)]
pub(super) struct Authority(Arc<WebPkiServerVerifier>);

/// The certificate that a client sends, with its chain, and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    /// The authorities with these certificates. `None` if no certificate can be used.
    pub(super) fn of(
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Option<Self>, VerifierBuilderError> {
        let mut usable = RootCertStore::empty();
        if usable.add_parsable_certificates(roots).0 == 0 {
            return Ok(None);
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(usable.into(), provider);
        Ok(Some(Self(verifier.build()?)))
    }

    /// The authorities that the operating system trusts.
    pub(super) fn of_system() -> Result<Option<Self>, VerifierBuilderError> {
        Self::of(rustls_native_certs::load_native_certs().certs)
    }
}

/// The configuration of a client that makes this check, and sends this certificate.
pub(super) fn client_config(
    check: Check,
    identity: Option<Identity>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        provider: Arc::clone(&provider),
        check,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match identity {
        Some((certificates, key)) => config.with_client_auth_cert(certificates, key),
        None => Ok(config.with_no_client_auth()),
    }
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    check: Check,
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
        let (Authority(authority), checks_name) = match &self.check {
            Check::Nothing => return Ok(ServerCertVerified::assertion()),
            #[cfg(feature = "postgres-session")]
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
