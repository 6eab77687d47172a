//! [`Connector`]: new connections, to servers that were checked.

use std::{convert::Infallible, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, Value, aio::MultiplexedConnection,
    io::tcp::TcpSettings,
};
use tokio::time::timeout;

use super::super::{
    error::{Fault, check_version},
    location::{Endpoint, Host, Location},
    near::{NearCache, StreamGuard},
};

/// Capacity of a connection's queue of requests. A request waits while the queue is full.
const QUEUE: usize = 1024;

/// Makes connections.
pub(in super::super) struct Connector {
    settings: RedisConnectionInfo,
    /// The settings that all addresses share: whether TLS is used, and with which certificates.
    pattern: ConnectionAddr,
    timeout: Duration,
    near_cache: Option<NearCache>,
}

/// A connection to a server that was checked.
pub(super) struct RawConnection {
    pub(super) connection: MultiplexedConnection,
    /// The invalidations that arrive over the connection, if there is a near cache.
    pub(super) stream: Option<StreamGuard>,
}

/// Certificates and keys, in PEM.
#[cfg(feature = "_redis-tls")]
#[derive(Default)]
pub(in super::super) struct TlsFiles {
    pub(in super::super) root_certificates: Option<Vec<u8>>,
    /// A certificate and its key.
    pub(in super::super) client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Connector {
    /// A connector with the credentials of `location`.
    pub(in super::super) fn new(
        location: &Location,
        #[cfg(feature = "_redis-tls")] tls: TlsFiles,
        timeout: Duration,
        near_cache: Option<NearCache>,
    ) -> Result<Self, Fault> {
        let mut settings = RedisConnectionInfo::default()
            .set_db(location.database)
            .set_skip_set_lib_name();
        if let Some(username) = &location.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &location.password {
            settings = settings.set_password(password);
        }
        #[cfg(feature = "_redis-tls")]
        let pattern = tls.pattern(location.tls)?;
        #[cfg(not(feature = "_redis-tls"))]
        let pattern = if location.tls {
            return Err(super::super::location::AddressError::NoTls.into());
        } else {
            ConnectionAddr::Tcp(String::new(), 0)
        };
        Ok(Self {
            settings,
            pattern,
            timeout,
            near_cache,
        })
    }

    /// How long connecting may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn near_cache(&self) -> Option<&NearCache> {
        self.near_cache.as_ref()
    }

    /// A connection to the server at `endpoint`.
    pub(super) async fn connect_to(&self, endpoint: &Endpoint) -> Result<RawConnection, Fault> {
        self.bound(async {
            let mut raw = match &self.near_cache {
                Some(near_cache) => self.connect_tracked(endpoint, near_cache).await?,
                None => RawConnection {
                    connection: self
                        .connect(
                            endpoint,
                            self.settings.clone(),
                            AsyncConnectionConfig::new(),
                        )
                        .await?,
                    stream: None,
                },
            };
            check_server(&mut raw.connection).await?;
            Ok(raw)
        })
        .await?
    }

    /// A connection over which the server announces changes to what is read over it.
    async fn connect_tracked(
        &self,
        endpoint: &Endpoint,
        near_cache: &NearCache,
    ) -> Result<RawConnection, Fault> {
        let [receiving, sending] = StreamGuard::pair();
        let near_cache = near_cache.clone();
        let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
            // The driver owns this closure, and the closure owns the guard.
            let _guard = &receiving;
            near_cache.apply(&push);
            Ok::<_, Infallible>(())
        });
        // Only RESP3 has messages that are not replies.
        let settings = self.settings.clone().set_protocol(ProtocolVersion::RESP3);
        let mut connection = self.connect(endpoint, settings, config).await?;
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON");
        let answer = connection.send_packed_command(&track).await;
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| match error.code() {
            Some("ERR") => Fault::AnnouncesNoChanges,
            _ => error.into(),
        })?;
        Ok(RawConnection {
            connection,
            stream: Some(sending),
        })
    }

    /// A connection to the sentinel at `host`, which has users of its own and no databases.
    pub(super) async fn connect_to_sentinel(
        &self,
        host: &Host,
    ) -> Result<MultiplexedConnection, Fault> {
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let endpoint = Endpoint::Tcp(host.clone());
        self.bound(self.connect(&endpoint, settings, AsyncConnectionConfig::new()))
            .await?
    }

    /// The output of `future`, within the time that connecting may take.
    pub(super) async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Fault> {
        let bounded = timeout(self.timeout, future).await;
        bounded.map_err(|_| Fault::TimedOut(self.timeout))
    }

    async fn connect(
        &self,
        endpoint: &Endpoint,
        settings: RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, Fault> {
        let info = self
            .address(endpoint)
            .into_connection_info()
            .and_then(|info| {
                let tcp = TcpSettings::default().set_nodelay(true);
                Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings))
            });
        // The sender measures the time of an operation as a whole.
        let config = config
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        info?
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(not_redis)
    }

    fn address(&self, endpoint: &Endpoint) -> ConnectionAddr {
        match (endpoint, &self.pattern) {
            (Endpoint::Socket(path), _) => ConnectionAddr::Unix(path.clone()),
            (
                Endpoint::Tcp(host),
                ConnectionAddr::TcpTls {
                    insecure,
                    tls_params,
                    ..
                },
            ) => ConnectionAddr::TcpTls {
                host: host.name.clone(),
                port: host.port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            (Endpoint::Tcp(host), _) => ConnectionAddr::Tcp(host.name.clone(), host.port),
        }
    }
}

#[cfg(feature = "_redis-tls")]
impl TlsFiles {
    fn pattern(self, tls: bool) -> Result<ConnectionAddr, Fault> {
        use redis::{ClientTlsConfig, TlsCertificates};

        let given = self.root_certificates.is_some() || self.client.is_some();
        if !tls {
            return match given {
                true => Err(super::super::location::AddressError::NotTls.into()),
                false => Ok(ConnectionAddr::Tcp(String::new(), 0)),
            };
        }
        #[cfg(feature = "redis-session-rustls")]
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may be first, which has the same effect.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let pattern = ConnectionAddr::TcpTls {
            host: "localhost".to_owned(),
            port: 6379,
            insecure: false,
            tls_params: None,
        };
        let certificates = TlsCertificates {
            client_tls: self
                .client
                .map(|(client_cert, client_key)| ClientTlsConfig {
                    client_cert,
                    client_key,
                }),
            root_cert: self.root_certificates.or_else(system_roots),
        };
        let client = Client::build_with_tls(pattern, certificates).map_err(Fault::TlsMaterial)?;
        Ok(client.get_connection_info().addr().clone())
    }
}

/// The certificates that the operating system trusts, if they have to be named.
///
/// They are loaded once instead of for each connection. The crate `redis` loads them itself only if no other
/// crate of the program enables its `native-tls`.
#[cfg(feature = "redis-session-rustls")]
fn system_roots() -> Option<Vec<u8>> {
    let mut usable = rustls::RootCertStore::empty();
    let pem: String = rustls_native_certs::load_native_certs()
        .certs
        .into_iter()
        .filter(|certificate| usable.add(certificate.clone()).is_ok())
        .map(|certificate| base64_simd::STANDARD.encode_to_string(certificate))
        .map(|text| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))
        .collect();
    (!pem.is_empty()).then(|| pem.into_bytes())
}

/// The certificates that the operating system trusts, if they have to be named.
#[cfg(all(
    feature = "redis-rs-tls-session",
    not(feature = "redis-session-rustls")
))]
fn system_roots() -> Option<Vec<u8>> {
    None
}

/// Checks that the server is a Redis of a sufficient version.
pub(super) async fn check_server(connection: &mut MultiplexedConnection) -> Result<(), Fault> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let answer = connection
        .send_packed_command(&info)
        .await
        .and_then(Value::extract_error)
        .map_err(not_redis);
    let text = match answer {
        Ok(Value::BulkString(text)) => text,
        Ok(Value::VerbatimString { text, .. }) => text.into_bytes(),
        Ok(_) => return Err(Fault::NotRedis),
        // A user without this right is assumed to have configured a suitable server.
        Err(fault) if fault.is_missing_right() => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let text = String::from_utf8_lossy(&text);
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("redis_version:"));
    version.map_or(Err(Fault::NotRedis), check_version)
}

/// The fault if the first reply of a server is an error.
fn not_redis(error: RedisError) -> Fault {
    match error.kind() {
        ErrorKind::Parse => Fault::NotRedis,
        ErrorKind::RESP3NotSupported => Fault::AnnouncesNoChanges,
        _ => match error.code() {
            Some("NOPROTO") => Fault::AnnouncesNoChanges,
            _ => error.into(),
        },
    }
}
