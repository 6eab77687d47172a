//! Certificates for a server and its clients, from a generated authority.

use std::io;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// The certificate of an authority, and two certificates that it issued, as PEM.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) server: Identity,
    pub(crate) client: Identity,
}

/// A certificate and its private key (PKCS #8).
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    /// Creates an authority, which issues a certificate for 127.0.0.1 and localhost and one for a client.
    pub(crate) fn issue() -> io::Result<Self> {
        Self::try_issue().map_err(io::Error::other)
    }

    fn try_issue() -> Result<Self, rcgen::Error> {
        let mut params = params("Sessile test authority", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        let server = leaf(
            "127.0.0.1",
            &["127.0.0.1", "localhost"],
            ExtendedKeyUsagePurpose::ServerAuth,
        )?;
        let client = leaf(
            "A client",
            &["client.invalid"],
            ExtendedKeyUsagePurpose::ClientAuth,
        )?;
        Ok(Self {
            authority: authority.pem(),
            server: sign(&server, &authority)?,
            client: sign(&client, &authority)?,
        })
    }
}

fn leaf(
    name: &str,
    hosts: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = params(name, hosts)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = hosts.iter().copied().map(str::to_owned).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn sign(
    params: &CertificateParams,
    authority: &CertifiedIssuer<'_, KeyPair>,
) -> Result<Identity, rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok(Identity {
        certificate: params.signed_by(&key, authority)?.pem(),
        key: key.serialize_pem(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_pem_and_differ_between_calls() {
        let (one, other) = (
            Certificates::issue().unwrap(),
            Certificates::issue().unwrap(),
        );

        for certificate in [
            &one.authority,
            &one.server.certificate,
            &one.client.certificate,
        ] {
            assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        }
        assert!(one.client.key.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(one.authority, other.authority);
        assert_ne!(one.server.key, one.client.key);
    }
}
