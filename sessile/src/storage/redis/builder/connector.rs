//! The connector that the settings describe.

use std::sync::Arc;

#[cfg(feature = "_redis-tls")]
use super::{super::tls::TlsConnector, RedisTlsConfig};
use super::{
    super::{
        connection::{Access, Connector},
        error::Fault,
        location::{AddressError, Location},
        near::NearCache,
    },
    RedisSessionStoreBuilder,
};
use crate::storage::credentials::{Credentials, CredentialsSource};

impl RedisSessionStoreBuilder {
    pub(super) fn connector(
        &self,
        location: &Location,
        near_cache: Option<NearCache>,
    ) -> Result<Connector, Fault> {
        let credentials = |callback: &Option<CredentialsSource>, of_address: &Credentials| {
            let fixed = || CredentialsSource::Fixed(of_address.clone());
            callback.clone().unwrap_or_else(fixed)
        };
        #[cfg(feature = "_redis-tls")]
        let (tls, sentinel_tls) = self.tls_connectors(location)?;
        #[cfg(not(feature = "_redis-tls"))]
        if location.tls {
            return Err(AddressError::NoTls.into());
        }
        Ok(Connector {
            servers: Access {
                credentials: credentials(&self.credentials, &location.credentials),
                #[cfg(feature = "_redis-tls")]
                tls,
            },
            sentinels: Access {
                credentials: credentials(
                    &self.sentinel_credentials,
                    &location.sentinel_credentials,
                ),
                #[cfg(feature = "_redis-tls")]
                tls: sentinel_tls,
            },
            database: location.database,
            client_name: location.client_name.clone(),
            timeout: self.connect_timeout,
            backoff: self.backoff,
            near_cache,
            is_closed: Arc::default(),
        })
    }

    /// TLS to servers, and to sentinels.
    #[cfg(feature = "_redis-tls")]
    fn tls_connectors(
        &self,
        location: &Location,
    ) -> Result<(Option<TlsConnector>, Option<TlsConnector>), Fault> {
        let default = RedisTlsConfig::default();
        let servers = match (location.tls, &self.tls) {
            (true, config) => Some(config.as_ref().unwrap_or(&default)),
            (false, None) => None,
            (false, Some(_)) => return Err(AddressError::NotTls.into()),
        };
        let sentinels = match &self.sentinel_tls {
            Some(config) => config.as_ref(),
            None => servers,
        };
        let connector = |config: Option<&RedisTlsConfig>| config.map(TlsConnector::new).transpose();
        Ok((connector(servers)?, connector(sentinels)?))
    }
}
