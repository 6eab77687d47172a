//! [`Connector`]: new connections, to servers that were checked.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
    Value, aio::MultiplexedConnection,
};
use tokio::{task::AbortHandle, time::timeout};

#[cfg(feature = "_redis-tls")]
use super::super::tls::TlsConnector;
use super::{
    super::{
        checks::check_server,
        error::Fault,
        location::{Endpoint, Host},
        near::{NearCache, StreamGuard},
    },
    sentinel::Followed,
    socket,
};
use crate::storage::{
    credentials::{Credentials, CredentialsSource},
    shared_connection::Backoff,
};

/// Capacity of a connection's queue of requests. A request waits while the queue is full.
const QUEUE: usize = 1024;

/// Makes connections.
pub(in super::super) struct Connector {
    /// Servers with sessions.
    pub(in super::super) servers: Access,
    /// Sentinels, which have users of their own.
    pub(in super::super) sentinels: Access,
    pub(in super::super) database: i64,
    /// The name of connections to servers with sessions.
    pub(in super::super) client_name: String,
    /// How long connecting may take.
    pub(in super::super) timeout: Duration,
    /// How long to wait between attempts to connect.
    pub(in super::super) backoff: Backoff,
    pub(in super::super) near_cache: Option<NearCache>,
    /// Whether the store was closed.
    pub(in super::super) is_closed: Arc<AtomicBool>,
}

/// How servers of one kind are connected to.
pub(in super::super) struct Access {
    pub(in super::super) credentials: CredentialsSource,
    /// `None` for plain text.
    #[cfg(feature = "_redis-tls")]
    pub(in super::super) tls: Option<TlsConnector>,
}

/// A connection to a server that was checked.
pub(super) struct RawConnection {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Arc<Driver>,
    /// The invalidations that arrive over the connection, if there is a near cache.
    pub(super) stream: Option<StreamGuard>,
    /// Whether the sentinels still name this server as the master.
    pub(super) followed: Option<Followed>,
}

/// The task that reads and writes. The connection is closed when the last reference is dropped, without waiting for
/// replies.
pub(super) struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RawConnection {
    /// Whether the connection has ended, or another server has become the master.
    pub(super) fn is_broken(&self) -> bool {
        self.driver.0.is_finished() || self.followed.as_ref().is_some_and(Followed::is_outdated)
    }
}

impl Connector {
    /// A connection to the server at `endpoint`.
    pub(super) async fn connect_to(&self, endpoint: &Endpoint) -> Result<RawConnection, Fault> {
        self.bound(async {
            let mut raw = match &self.near_cache {
                Some(near_cache) => self.connect_tracked(endpoint, near_cache).await?,
                None => {
                    let config = AsyncConnectionConfig::new();
                    self.connect(endpoint, ProtocolVersion::RESP2, config)
                        .await?
                }
            };
            check_server(&mut raw.connection).await?;
            self.set_name(&mut raw.connection).await?;
            Ok(raw)
        })
        .await?
    }

    /// Gives the connection its name, for `CLIENT LIST`. If the user lacks the right, the connection has no name.
    async fn set_name(&self, connection: &mut MultiplexedConnection) -> Result<(), Fault> {
        let mut command = redis::cmd("CLIENT");
        command.arg("SETNAME").arg(&self.client_name);
        connection.send_packed_command(&command).await?;
        Ok(())
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
        let mut raw = self
            .connect(endpoint, ProtocolVersion::RESP3, config)
            .await?;
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON");
        let answer = raw.connection.send_packed_command(&track).await;
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| match error.code() {
            Some("ERR") => Fault::AnnouncesNoChanges,
            _ => error.into(),
        })?;
        raw.stream = Some(sending);
        Ok(raw)
    }

    /// A connection to a server with sessions.
    async fn connect(
        &self,
        endpoint: &Endpoint,
        protocol: ProtocolVersion,
        config: AsyncConnectionConfig,
    ) -> Result<RawConnection, Fault> {
        let info = RedisConnectionInfo::default()
            .set_db(self.database)
            .set_protocol(protocol);
        open(&self.servers, endpoint, info, config).await
    }

    /// A connection to the sentinel at `host`, which has no databases.
    pub(super) async fn connect_to_sentinel(
        &self,
        host: &Host,
        protocol: ProtocolVersion,
        config: AsyncConnectionConfig,
    ) -> Result<RawConnection, Fault> {
        let info = RedisConnectionInfo::default().set_protocol(protocol);
        let endpoint = Endpoint::Tcp(host.clone());
        self.bound(open(&self.sentinels, &endpoint, info, config))
            .await?
    }

    /// The output of `future`, within the time that connecting may take.
    pub(super) async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Fault> {
        let bounded = timeout(self.timeout, future).await;
        bounded.map_err(|_| Fault::TimedOut(self.timeout))
    }
}

async fn open(
    access: &Access,
    endpoint: &Endpoint,
    info: RedisConnectionInfo,
    config: AsyncConnectionConfig,
) -> Result<RawConnection, Fault> {
    let credentials = access.credentials.get().await;
    let credentials = credentials.map_err(|error| Fault::Credentials(error.into()))?;
    let connecting = socket::connect(
        endpoint,
        #[cfg(feature = "_redis-tls")]
        access.tls.as_ref(),
    );
    let socket = connecting.await;
    let socket = socket.map_err(|error| Fault::Connection(error.into()))?;
    // The sender measures the time of an operation as a whole.
    let config = config
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    let info = signed_in(info.set_skip_set_lib_name(), credentials);
    let opened = MultiplexedConnection::new_with_config(&info, socket, config).await;
    let (connection, driver) = opened.map_err(not_redis)?;
    let driver = Driver(tokio::spawn(driver).abort_handle());
    Ok(RawConnection {
        connection,
        driver: Arc::new(driver),
        stream: None,
        followed: None,
    })
}

fn signed_in(info: RedisConnectionInfo, credentials: Credentials) -> RedisConnectionInfo {
    match (credentials.username, credentials.password) {
        (None, None) => info,
        (None, Some(password)) => info.set_password(password),
        // Without a password the connection would be that of the default user.
        (Some(username), password) => info
            .set_username(username)
            .set_password(password.unwrap_or_default()),
    }
}

/// The fault if the first reply of a server is an error.
pub(in super::super) fn not_redis(error: RedisError) -> Fault {
    match error.kind() {
        ErrorKind::Parse => Fault::NotRedis,
        ErrorKind::RESP3NotSupported => Fault::AnnouncesNoChanges,
        _ => match error.code() {
            Some("NOPROTO") => Fault::AnnouncesNoChanges,
            _ => error.into(),
        },
    }
}
