//! [`Connection`]: sends requests to Redis over connections that reconnect, over a pool, or to the right
//! node of a cluster.

mod cluster;
mod connect;
#[cfg(feature = "redis-pool")]
mod pool;
mod sentinel;
mod server;
mod socket;
mod topology;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::Value;

use self::{
    cluster::Cluster,
    connect::RawConnection,
    sentinel::Sentinels,
    server::{Asking, PerRuntime, ServerConnector, Target},
};
use super::{
    StoreError,
    error::Fault,
    location::{Host, Location, Servers},
    near::Provenance,
    request::Request,
};
use crate::storage::{takeover::Takeover, timing::Deadline};

pub(super) use self::connect::{Access, Connector, not_redis};

/// Sends requests to Redis. Clones share the connections.
#[derive(Clone)]
pub(super) struct Connection {
    transport: Transport,
    response_timeout: Duration,
    is_closed: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Transport {
    /// To one server, or to the current master.
    PerRuntime(Arc<PerRuntime>),
    #[cfg(feature = "redis-pool")]
    Pool(pool::Connections),
    Cluster(Arc<Cluster>),
}

/// The reply to a request.
pub(super) struct Reply {
    pub(super) value: Value,
    /// The values of the request's reads. An error reply is one of them.
    pub(super) reads: Vec<Value>,
    /// Whether the server may have executed an earlier attempt of the request.
    pub(super) repeated: bool,
    /// The stream on which the server announces changes of the key, if there is a near cache.
    pub(super) provenance: Option<Provenance>,
}

impl Reply {
    fn new(value: Value, reads: Vec<Value>) -> Self {
        Self {
            value,
            reads,
            repeated: false,
            provenance: None,
        }
    }
}

impl Connection {
    /// Connects to the servers at `location`.
    pub(super) async fn open(
        location: Location,
        connector: Connector,
        response_timeout: Duration,
    ) -> Result<Self, Fault> {
        let connector = Arc::new(connector);
        let (connect_timeout, is_closed) = (connector.timeout, Arc::clone(&connector.is_closed));
        let per_runtime = |connector, target| {
            let connector = ServerConnector { connector, target };
            Transport::PerRuntime(Arc::new(PerRuntime::new(connector)))
        };
        let transport = match location.servers {
            Servers::One(endpoint) => {
                per_runtime(connector, Target::Server(endpoint, Takeover::default()))
            }
            Servers::Sentinels { hosts, master } => {
                let sentinels = Sentinels::new(Arc::clone(&connector), hosts, master.into());
                per_runtime(connector, Target::Master(sentinels))
            }
            Servers::Cluster(seeds) => Transport::Cluster(Arc::new(Cluster::new(connector, seeds))),
        };
        let connection = Self {
            transport,
            response_timeout,
            is_closed,
        };
        connection.prove(connect_timeout).await?;
        Ok(connection)
    }

    /// Uses the connections of `pool`.
    #[cfg(feature = "redis-pool")]
    pub(super) async fn pooled(
        pool: deadpool_redis::Pool,
        response_timeout: Duration,
    ) -> Result<Self, Fault> {
        let connection = Self {
            transport: Transport::Pool(pool.into()),
            response_timeout,
            is_closed: Arc::default(),
        };
        connection.prove(response_timeout).await?;
        Ok(connection)
    }

    /// Closes all connections after the requests that are in flight. Later requests fail. A pool stays open.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Relaxed);
        match &self.transport {
            Transport::PerRuntime(connections) => {
                connections.close();
                if let Target::Master(sentinels) = &connections.connector().target {
                    sentinels.close();
                }
            }
            #[cfg(feature = "redis-pool")]
            Transport::Pool(_) => {}
            Transport::Cluster(cluster) => cluster.close(),
        }
    }

    /// Fails if Redis can't be reached.
    async fn prove(&self, connect_timeout: Duration) -> Result<(), Fault> {
        match &self.transport {
            Transport::PerRuntime(connections) => connections.here().prove().await,
            #[cfg(feature = "redis-pool")]
            Transport::Pool(pool) => pool.prove(Deadline::after(connect_timeout)).await,
            Transport::Cluster(cluster) => {
                let limit = connect_timeout.saturating_add(self.response_timeout);
                cluster.masters(Deadline::after(limit)).await.map(drop)
            }
        }
    }

    /// Sends `request`. If the connection breaks before the reply arrives, sends it again, unless the
    /// server may have executed it and it is not [repeatable](Request::is_repeatable).
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Reply, StoreError> {
        if self.is_closed.load(Relaxed) {
            return Err(Fault::Closed.into());
        }
        let deadline = self.deadline();
        match &self.transport {
            Transport::PerRuntime(connections) => {
                up_to_twice(request, || {
                    server::send_here(connections, request, deadline)
                })
                .await
            }
            #[cfg(feature = "redis-pool")]
            Transport::Pool(pool) => {
                Box::pin(up_to_twice(request, || pool.send(request, deadline))).await
            }
            Transport::Cluster(cluster) => Box::pin(cluster.send(request, deadline)).await,
        }
    }

    /// When an operation that begins now has to end.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.response_timeout)
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.transport, Transport::Cluster(_))
    }

    /// The masters of the cluster, and a number for its layout. Outside of a cluster, there is one server, `None`.
    pub(super) async fn servers(&self) -> Result<(Vec<Option<Host>>, u64), StoreError> {
        match &self.transport {
            Transport::Cluster(cluster) => {
                let (masters, layout) = cluster.masters(self.deadline()).await?;
                Ok((masters.into_iter().map(Some).collect(), layout))
            }
            _ => Ok((vec![None], 0)),
        }
    }

    /// Sends `request`, which concerns no key, to one of the [`servers`](Self::servers).
    pub(super) async fn send_to(
        &self,
        server: Option<&Host>,
        request: &Request<'_>,
    ) -> Result<Reply, StoreError> {
        match (&self.transport, server) {
            (Transport::Cluster(cluster), Some(host)) => {
                Ok(cluster.send_to(host, request, self.deadline()).await?)
            }
            _ => self.send(request).await,
        }
    }
}

/// Sends `request`, and a second time if the connection breaks and the request may be sent again.
async fn up_to_twice<F>(request: &Request<'_>, send: impl Fn() -> F) -> Result<Reply, StoreError>
where
    F: Future<Output = Result<Reply, Fault>>,
{
    let (answer, repeated) = match send().await {
        Err(fault) if fault.verdict().ends_connection() && may_repeat(request, &fault) => {
            (Box::pin(send()).await, fault.may_have_happened())
        }
        first => (first, false),
    };
    match answer {
        Ok(reply) => Ok(Reply { repeated, ..reply }),
        Err(fault) => {
            let may_have_happened = repeated || fault.may_have_happened();
            Err(fault.outside_of_clusters().into_error(may_have_happened))
        }
    }
}

/// Whether `request` may be sent again after `fault`.
fn may_repeat(request: &Request<'_>, fault: &Fault) -> bool {
    request.is_repeatable() || !fault.may_have_happened()
}
