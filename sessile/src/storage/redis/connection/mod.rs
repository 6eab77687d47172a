//! How requests get to Redis: over connections that mend themselves, a pool, or to the right node of a
//! cluster.

mod cluster;
mod dial;
mod link;
mod links;
#[cfg(feature = "redis-pool")]
mod pool;
mod sentinel;
mod topology;

use std::{sync::Arc, time::Duration};

use redis::{Cmd, Value, aio::MultiplexedConnection};
use tokio::time::{Instant, timeout_at};

use self::{cluster::Cluster, links::Links};
use super::{
    error::Fault,
    location::{Location, Servers},
    near::Heard,
    pauses::Pauses,
    script::{Action, Form, Request},
};
use crate::storage::timing::deadline;

pub(super) use self::dial::Dialer;
#[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
pub(super) use self::dial::TlsFiles;
use self::dial::Wire;

/// The road to Redis. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    road: Road,
    response_timeout: Duration,
}

#[derive(Clone)]
enum Road {
    /// To one server, or to whichever is the master.
    Links(Arc<Links>),
    #[cfg(feature = "redis-pool")]
    Pool(pool::Connections),
    Cluster(Arc<Cluster>),
}

/// What came back.
pub(super) struct Reply {
    pub(super) value: Value,
    /// Whether the request was sent before, and the answer to that is not known.
    pub(super) repeated: bool,
    /// Where changes to it are told, if they are.
    pub(super) heard: Option<Heard>,
}

/// What came back over one connection.
struct Answer {
    value: Value,
    heard: Option<Heard>,
}

impl Answer {
    fn into_reply(self, repeated: bool) -> Reply {
        Reply {
            value: self.value,
            repeated,
            heard: self.heard,
        }
    }
}

impl Connection {
    /// Connects to the servers at `location`.
    pub(super) async fn open(
        location: Location,
        dialer: Dialer,
        pauses: Pauses,
        response_timeout: Duration,
    ) -> Result<Self, Fault> {
        let connect_timeout = dialer.timeout();
        let dialer = Arc::new(dialer);
        let road = match location.servers {
            Servers::One(endpoint) => {
                Road::Links(Arc::new(Links::to_server(dialer, endpoint, pauses)))
            }
            Servers::Sentinels { hosts, master } => {
                Road::Links(Arc::new(Links::to_master(dialer, hosts, master, pauses)))
            }
            Servers::Cluster(seeds) => Road::Cluster(Arc::new(Cluster::new(dialer, seeds, pauses))),
        };
        let connection = Self {
            road,
            response_timeout,
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
        let road = Road::Pool(pool::Connections::new(pool));
        let connection = Self {
            road,
            response_timeout,
        };
        connection.prove(response_timeout).await?;
        Ok(connection)
    }

    /// Fails if there is no way through to Redis.
    async fn prove(&self, connect_timeout: Duration) -> Result<(), Fault> {
        match &self.road {
            Road::Links(links) => links.here().prove().await,
            #[cfg(feature = "redis-pool")]
            Road::Pool(pool) => pool.prove(Deadline::after(connect_timeout)).await,
            Road::Cluster(cluster) => {
                let limit = connect_timeout.saturating_add(self.response_timeout);
                cluster.prove(Deadline::after(limit)).await
            }
        }
    }

    /// Sends `request`, and once more if the connection is cut before the answer comes: so sending
    /// it twice must come to the same as once.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Reply, Fault> {
        let deadline = Deadline::after(self.response_timeout);
        match &self.road {
            Road::Links(links) => {
                let link = links.here();
                twice(|| link.send(request, Asking::No, deadline)).await
            }
            #[cfg(feature = "redis-pool")]
            Road::Pool(pool) => Box::pin(twice(|| pool.send(request, deadline))).await,
            Road::Cluster(cluster) => Box::pin(cluster.send(request, deadline)).await,
        }
    }
}

/// Sends once, and once more if the connection is cut.
async fn twice<F>(send: impl Fn() -> F) -> Result<Reply, Fault>
where
    F: Future<Output = Result<Answer, Fault>>,
{
    let (answer, repeated) = match send().await {
        Err(fault) if fault.ends_connection() => {
            (Box::pin(send()).await, fault.may_have_happened())
        }
        first => (first, false),
    };
    let answer = answer.map_err(Fault::outside_of_clusters)?;
    Ok(answer.into_reply(repeated))
}

/// When an operation has to be over.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    /// How long it may take from its beginning.
    limit: Duration,
}

impl Deadline {
    fn after(limit: Duration) -> Self {
        Self {
            at: deadline(limit),
            limit,
        }
    }

    async fn bound<F: Future>(self, future: F) -> Result<F::Output, Fault> {
        timeout_at(self.at, future)
            .await
            .map_err(|_| Fault::TimedOut(self.limit))
    }
}

/// Whether a node of a cluster is asked for a slot that is not its own yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    No,
    Yes,
}

/// Sends `request` over `connection`, a script in full if the server doesn't know it by its hash.
///
/// What is rare is boxed, so that it takes no room in every request's future.
async fn exchange(
    connection: &mut MultiplexedConnection,
    request: &Request<'_>,
    asking: Asking,
) -> Result<Value, Fault> {
    match send(connection, request, Form::ByHash, asking).await {
        Err(fault) if fault.is_unknown_script() => {
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
        (Action::GetTimed, Asking::No) => Box::pin(get_timed(connection, request.key)).await,
        (Action::RunAndLook(..), Asking::No) => {
            Box::pin(run_and_look(connection, request, form)).await
        }
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

/// What is under `key`, and how long it has to live. A change in between is told before the second.
async fn get_timed(connection: &mut MultiplexedConnection, key: &str) -> Result<Value, Fault> {
    let mut both = redis::pipe();
    both.cmd("GET").arg(key).cmd("PTTL").arg(key);
    let answers = connection.send_packed_commands(&both, 0, 2).await?;
    Ok(Value::Array(answers).extract_error()?)
}

/// What the script answers, and the version that is there when it is done.
async fn run_and_look(
    connection: &mut MultiplexedConnection,
    request: &Request<'_>,
    form: Form,
) -> Result<Value, Fault> {
    let mut both = redis::pipe();
    both.add_command(request.command(form));
    both.add_command(request.look());
    let mut answers = connection.send_packed_commands(&both, 0, 2).await?;
    // The script has done what it has done, whatever comes of looking.
    let looked = answers.pop().ok_or(Fault::UnexpectedReply)?;
    let answered = answers.pop().ok_or(Fault::UnexpectedReply)?;
    Ok(Value::Array(vec![answered.extract_error()?, looked]))
}

async fn send_asking(connection: &mut MultiplexedConnection, command: Cmd) -> Result<Value, Fault> {
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command);
    let mut answers = connection.send_packed_commands(&both, 1, 1).await?;
    answers.pop().ok_or(Fault::UnexpectedReply)
}
