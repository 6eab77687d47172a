//! TLS by `rustls`.

use std::{io, sync::Arc};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{ClientPem, RedisTlsConfig, TlsError};
use crate::storage::tls::{self, Authority, Check, Identity};

/// Begins TLS on connections.
pub(in super::super) struct TlsConnector(tokio_rustls::TlsConnector);

impl TlsConnector {
    pub(in super::super) fn new(config: &RedisTlsConfig) -> Result<Self, TlsError> {
        let check = match (&config.roots, config.accepts_any) {
            (_, true) => Check::Nothing,
            (Some(pem), false) => {
                let roots = certificates(pem).map_err(|_| TlsError::Roots)?;
                let authority = Authority::of(roots).map_err(setup)?;
                Check::AuthorityAndName(authority.ok_or(TlsError::Roots)?)
            }
            (None, false) => {
                let authority = Authority::of_system().map_err(setup)?;
                Check::AuthorityAndName(authority.ok_or(TlsError::NoSystemRoots)?)
            }
        };
        let identity = config.client.as_ref().map(identity).transpose();
        let identity = identity.map_err(|error| TlsError::Client(Arc::new(error)))?;
        let config = tls::client_config(check, identity)
            .map_err(|error| TlsError::Client(Arc::new(error)))?;
        Ok(Self(Arc::new(config).into()))
    }

    pub(in super::super) async fn connect(
        &self,
        host: &str,
        tcp: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, tcp).await
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

fn identity(client: &ClientPem) -> Result<Identity, rustls::pki_types::pem::Error> {
    Ok((
        certificates(&client.certificate)?,
        PrivateKeyDer::from_pem_slice(&client.key)?,
    ))
}

fn setup(error: impl std::error::Error + Send + Sync + 'static) -> TlsError {
    TlsError::Setup(Arc::new(error))
}
