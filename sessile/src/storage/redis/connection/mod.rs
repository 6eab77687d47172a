//! [`Connection`]: sends requests to Redis over connections that reconnect, over a pool, or to the right
//! node of a cluster.

mod checks;
mod cluster;
mod connect;
#[cfg(feature = "redis-pool")]
mod pool;
mod route;
mod sentinel;
mod socket;
mod topology;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::{Cmd, Value, aio::MultiplexedConnection};

use self::{
    cluster::Cluster,
    route::{PerRuntime, Route, Target},
    sentinel::Sentinels,
};
use super::{
    StoreError,
    error::Fault,
    location::{Host, Location, Servers},
    near::Provenance,
    script::{Action, Form, Request},
};
use crate::storage::{shared_connection::Backoff, timing::Deadline};

use self::connect::RawConnection;
pub(super) use self::connect::{Access, Connector};

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
    /// Whether the server may have executed an earlier attempt of the request.
    pub(super) repeated: bool,
    /// The stream on which the server announces changes of the key, if there is a near cache.
    pub(super) provenance: Option<Provenance>,
}

/// The reply of one attempt.
struct Attempt {
    value: Value,
    provenance: Option<Provenance>,
}

impl Attempt {
    fn into_reply(self, repeated: bool) -> Reply {
        Reply {
            value: self.value,
            repeated,
            provenance: self.provenance,
        }
    }
}

impl Connection {
    /// Connects to the servers at `location`.
    pub(super) async fn open(
        location: Location,
        connector: Connector,
        backoff: Backoff,
        response_timeout: Duration,
    ) -> Result<Self, Fault> {
        let connect_timeout = connector.timeout;
        let is_closed = Arc::clone(&connector.is_closed);
        let connector = Arc::new(connector);
        let per_runtime = |connector, target| {
            Transport::PerRuntime(Arc::new(PerRuntime::new(Route {
                connector,
                target,
                backoff,
            })))
        };
        let transport = match location.servers {
            Servers::One(endpoint) => per_runtime(connector, Target::Server(endpoint)),
            Servers::Sentinels { hosts, master } => {
                let sentinels = Sentinels::new(Arc::clone(&connector), hosts, master.into());
                per_runtime(connector, Target::Master(sentinels))
            }
            Servers::Cluster(seeds) => {
                Transport::Cluster(Arc::new(Cluster::new(connector, seeds, backoff)))
            }
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
        let transport = Transport::Pool(pool::Connections::new(pool));
        let connection = Self {
            transport,
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
                connections.connector().close();
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
                cluster.prove(Deadline::after(limit)).await
            }
        }
    }

    /// Sends `request`. If the connection breaks before the reply arrives, sends it again, unless the
    /// server may have executed it and it is not [repeatable](Action::is_repeatable).
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Reply, StoreError> {
        if self.is_closed.load(Relaxed) {
            return Err(Fault::Closed.into());
        }
        let deadline = Deadline::after(self.response_timeout);
        match &self.transport {
            Transport::PerRuntime(connections) => {
                let connection = connections.here();
                up_to_twice(request, || {
                    route::send(&connection, request, Asking::No, deadline)
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
}

/// A server that has keys of its own.
pub(super) enum Server {
    /// The only one.
    Only,
    /// A master of a cluster.
    Node(Host),
}

impl Connection {
    /// When an operation that begins now has to end.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.response_timeout)
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.transport, Transport::Cluster(_))
    }

    /// The servers that have keys of their own, and a number for the layout of their cluster.
    pub(super) async fn servers(&self) -> Result<(Vec<Server>, u64), StoreError> {
        match &self.transport {
            Transport::Cluster(cluster) => {
                let deadline = self.deadline();
                let (masters, layout) = cluster.masters(deadline).await?;
                Ok((masters.into_iter().map(Server::Node).collect(), layout))
            }
            _ => Ok((vec![Server::Only], 0)),
        }
    }

    /// Sends `request`, which concerns no key, to `server`.
    pub(super) async fn send_to(
        &self,
        server: &Server,
        request: &Request<'_>,
    ) -> Result<Value, StoreError> {
        match (&self.transport, server) {
            (Transport::Cluster(cluster), Server::Node(host)) => {
                let deadline = self.deadline();
                let answer = cluster.send_to(host, request, deadline).await;
                Ok(answer?.value)
            }
            _ => Ok(self.send(request).await?.value),
        }
    }
}

/// Sends `request`, and a second time if the connection breaks and the request may be sent again.
async fn up_to_twice<F>(request: &Request<'_>, send: impl Fn() -> F) -> Result<Reply, StoreError>
where
    F: Future<Output = Result<Attempt, Fault>>,
{
    let (answer, repeated) = match send().await {
        Err(fault) if fault.verdict().ends_connection() && may_repeat(request, &fault) => {
            (Box::pin(send()).await, fault.may_have_happened())
        }
        first => (first, false),
    };
    match answer {
        Ok(answer) => Ok(answer.into_reply(repeated)),
        Err(fault) => {
            let may_have_happened = repeated || fault.may_have_happened();
            Err(fault.outside_of_clusters().into_error(may_have_happened))
        }
    }
}

/// Whether `request` may be sent again after `fault`.
fn may_repeat(request: &Request<'_>, fault: &Fault) -> bool {
    request.action.is_repeatable() || !fault.may_have_happened()
}

/// Whether a node of a cluster is asked for a slot that is still moving to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    No,
    Yes,
}

/// Sends `request` over `connection`, and a script in full if the server doesn't know its hash.
///
/// Rare cases are boxed, so that they do not enlarge the future of every request.
async fn exchange(
    connection: &mut MultiplexedConnection,
    request: &Request<'_>,
    asking: Asking,
) -> Result<Value, Fault> {
    match send(connection, request, Form::ByHash, asking).await {
        Err(fault) if fault.is_unknown_script() && !matches!(request.action, Action::Probe(_)) => {
            Box::pin(send(connection, request, Form::InFull, asking)).await
        }
        answered => answered,
    }
}

async fn send(
    connection: &mut MultiplexedConnection,
    request: &Request<'_>,
    form: Form,
    asking: Asking,
) -> Result<Value, Fault> {
    match (&request.action, asking) {
        (Action::BeforeReads(_, reads), _) => {
            let command = request.command(form);
            Box::pin(send_before_reads(connection, command, reads)).await
        }
        (Action::GetTimed, Asking::No) => Box::pin(get_timed(connection, request.redis_key)).await,
        (_, Asking::No) => {
            let command = request.command(form);
            Ok(connection
                .send_packed_command(&command)
                .await?
                .extract_error()?)
        }
        (_, Asking::Yes) => {
            let command = request.command(form);
            Ok(Box::pin(send_asking(connection, command))
                .await?
                .extract_error()?)
        }
    }
}

/// The value under `key` and its time to live. A change in between is announced before the second reply.
async fn get_timed(connection: &mut MultiplexedConnection, key: &str) -> Result<Value, Fault> {
    let mut both = redis::pipe();
    both.cmd("GET").arg(key).cmd("PTTL").arg(key);
    let answers = connection.send_packed_commands(&both, 0, 2).await?;
    Ok(Value::Array(answers).extract_error()?)
}

/// The reply to `command`, and the values of `reads` after that. An error among the latter is one of the values.
async fn send_before_reads(
    connection: &mut MultiplexedConnection,
    command: Cmd,
    reads: &[String],
) -> Result<Value, Fault> {
    let mut all = redis::pipe();
    all.add_command(command);
    for key in reads {
        all.cmd("GET").arg(key);
    }
    let mut values = connection
        .send_packed_commands(&all, 0, 1 + reads.len())
        .await?;
    if values.len() != 1 + reads.len() {
        return Err(Fault::UnexpectedReply);
    }
    let first = std::mem::replace(&mut values[0], Value::Nil);
    values[0] = first.extract_error()?;
    Ok(Value::Array(values))
}

async fn send_asking(connection: &mut MultiplexedConnection, command: Cmd) -> Result<Value, Fault> {
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command);
    let mut answers = connection.send_packed_commands(&both, 1, 1).await?;
    answers.pop().ok_or(Fault::UnexpectedReply)
}
