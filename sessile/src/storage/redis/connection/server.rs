//! [`ServerConnector`]: shared connections to one server, or to the current master.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use redis::{Pipeline, aio::MultiplexedConnection};

use super::{
    super::{
        error::Fault,
        location::Endpoint,
        near::{Pending, StreamGuard},
        request::{Commands, Request},
        verdict::Verdict,
    },
    Connector, Deadline, RawConnection, Reply,
    connect::Driver,
    sentinel::Sentinels,
};
use crate::{
    storage::{
        shared_connection::{self, Backoff, Connect},
        takeover::Takeover,
    },
    telemetry::Backend,
};

pub(super) type SharedConnection = shared_connection::SharedConnection<ServerConnector>;
pub(super) type PerRuntime = shared_connection::PerRuntime<ServerConnector>;

/// Makes the connections to a server.
pub(super) struct ServerConnector {
    pub(super) connector: Arc<Connector>,
    pub(super) target: Target,
}

pub(super) enum Target {
    Server(Endpoint, Takeover),
    /// The server that sentinels name.
    Master(Sentinels),
}

/// The parts of a connection that a request needs.
pub(super) struct Handle {
    connection: MultiplexedConnection,
    /// Keeps the connection open until the reply arrives, even if later requests use another one.
    _driver: Arc<Driver>,
    /// For the near cache, if there is one.
    pending: Option<Pending>,
}

impl Connect for ServerConnector {
    type Connection = RawConnection;
    type Handle = Handle;
    type Fault = Fault;

    const BACKEND: Backend = Backend::Redis;

    async fn connect(&self) -> Result<RawConnection, Fault> {
        match &self.target {
            Target::Server(endpoint, _) => self.connector.connect_to(endpoint).await,
            Target::Master(sentinels) => sentinels.connect().await,
        }
    }

    fn backoff(&self) -> Backoff {
        self.connector.backoff
    }

    fn closed(&self) -> Option<Fault> {
        let is_closed = self.connector.is_closed.load(Relaxed);
        is_closed.then_some(Fault::Closed)
    }

    fn handle(raw: &RawConnection) -> Handle {
        Handle {
            connection: raw.connection.clone(),
            _driver: Arc::clone(&raw.driver),
            pending: raw.stream.as_ref().map(StreamGuard::ask),
        }
    }

    fn is_broken(raw: &RawConnection) -> bool {
        raw.is_broken()
    }

    fn not_connected(cause: Fault) -> Fault {
        Fault::NotConnected(Arc::new(cause))
    }
}

/// Whether a node of a cluster is asked for a slot that is still moving to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    No,
    Yes,
}

/// Sends `request` over the connection of the current runtime.
pub(super) async fn send_here(
    connections: &PerRuntime,
    request: &Request<'_>,
    deadline: Deadline,
) -> Result<Reply, Fault> {
    let takeover = match &connections.connector().target {
        Target::Server(_, takeover) => Some(takeover),
        Target::Master(_) => None,
    };
    let was_expected = takeover.is_some_and(Takeover::is_expected);
    let answer = send(&connections.here(), request, Asking::No, deadline).await;
    let closes_all = takeover.is_some_and(|takeover| match &answer {
        Ok(reply) => {
            was_expected && request.has_written(&reply.value) && takeover.executed(was_expected)
        }
        Err(fault) => fault.verdict() == Verdict::Replica && takeover.refused(),
    });
    if closes_all {
        connections.close();
    }
    answer
}

pub(super) async fn send(
    connection: &SharedConnection,
    request: &Request<'_>,
    asking: Asking,
    deadline: Deadline,
) -> Result<Reply, Fault> {
    let mut in_flight = connection.begin(deadline).await?;
    let answer = exchange(&mut in_flight.handle.connection, request, asking);
    let answer = deadline.bound(answer).await?;
    let pending = in_flight.handle.pending.take();
    match answer.as_ref().map_err(|fault| (fault, fault.verdict())) {
        Err((_, Verdict::Disconnected)) => in_flight.broken(),
        Err((fault, Verdict::Replica)) => in_flight.refused(fault.clone()),
        Err((_, Verdict::TooFewReplicas)) => {
            in_flight.answered();
            if let Target::Master(sentinels) = &connection.connector().target {
                sentinels.doubt();
            }
        }
        _ => in_flight.answered(),
    }
    let reply = answer?;
    // A replaced node still answers a request without a key, but announces no more changes.
    let pending = pending.filter(|_| !request.redis_key.is_empty());
    Ok(Reply {
        provenance: pending.map(Pending::answered),
        ..reply
    })
}

/// Sends `request` over `connection`, and a script in full if the server doesn't know its hash.
///
/// Rare cases are boxed, so that they do not enlarge the future of every request.
pub(super) async fn exchange(
    connection: &mut MultiplexedConnection,
    request: &Request<'_>,
    asking: Asking,
) -> Result<Reply, Fault> {
    match send_once(connection, &request.commands, asking).await {
        Err(fault) if fault.is_unknown_script() => match request.in_full() {
            Some(in_full) => {
                Box::pin(async move { send_once(connection, &in_full, asking).await }).await
            }
            None => Err(fault),
        },
        answered => answered,
    }
}

async fn send_once(
    connection: &mut MultiplexedConnection,
    commands: &Commands,
    asking: Asking,
) -> Result<Reply, Fault> {
    match (commands, asking) {
        (Commands::One(command), Asking::No) => {
            let value = connection.send_packed_command(command).await?;
            Ok(Reply::new(value.extract_error()?, Vec::new()))
        }
        (Commands::WithReads(all), Asking::No) => Box::pin(send_all(connection, all, 0)).await,
        (commands, Asking::Yes) => {
            let mut asking = redis::pipe();
            asking.cmd("ASKING");
            if let Some(command) = commands.iter().next() {
                asking.add_command(command.clone());
            }
            Box::pin(async move { send_all(connection, &asking, 1).await }).await
        }
    }
}

/// Sends `commands`, and skips the first replies. An error reply to a read is one of its values.
async fn send_all(
    connection: &mut MultiplexedConnection,
    commands: &Pipeline,
    skipped: usize,
) -> Result<Reply, Fault> {
    let count = commands.len() - skipped;
    let mut values = connection
        .send_packed_commands(commands, skipped, count)
        .await?;
    if values.len() != count {
        return Err(Fault::UnexpectedReply);
    }
    let first = values.remove(0).extract_error()?;
    Ok(Reply::new(first, values))
}
