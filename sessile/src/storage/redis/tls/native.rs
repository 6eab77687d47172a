//! TLS by the library of the operating system.

use std::{io, sync::Arc};

use native_tls::{Certificate, Identity};
use tokio::net::TcpStream;
use tokio_native_tls::TlsStream;

use super::{RedisTlsConfig, TlsError};

/// Begins TLS on connections.
pub(in super::super) struct TlsConnector(tokio_native_tls::TlsConnector);

impl TlsConnector {
    pub(in super::super) fn new(config: &RedisTlsConfig) -> Result<Self, TlsError> {
        let mut builder = native_tls::TlsConnector::builder();
        if let Some(pem) = &config.roots {
            let roots = Certificate::stack_from_pem(pem).map_err(|_| TlsError::Roots)?;
            if roots.is_empty() {
                return Err(TlsError::Roots);
            }
            builder.disable_built_in_roots(true);
            for root in roots {
                builder.add_root_certificate(root);
            }
        }
        if let Some(client) = &config.client {
            let identity = Identity::from_pkcs8(&client.certificate, &client.key);
            builder.identity(identity.map_err(|error| TlsError::Client(Arc::new(error)))?);
        }
        builder
            .danger_accept_invalid_certs(config.accepts_any)
            .danger_accept_invalid_hostnames(config.accepts_any);
        let connector = builder.build();
        let connector = connector.map_err(|error| TlsError::Setup(Arc::new(error)))?;
        Ok(Self(connector.into()))
    }

    pub(in super::super) async fn connect(
        &self,
        host: &str,
        tcp: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        self.0.connect(host, tcp).await.map_err(io::Error::other)
    }
}
