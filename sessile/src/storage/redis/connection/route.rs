//! [`Route`]: shared connections to a server, or to the current master.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use redis::aio::MultiplexedConnection;

use super::{
    super::{
        error::Fault,
        location::Endpoint,
        near::{Pending, StreamGuard},
        script::{Action, Request},
        verdict::Verdict,
    },
    Asking, Attempt, Connector, Deadline, RawConnection,
    connect::Driver,
    exchange,
    sentinel::Sentinels,
};
use crate::{
    storage::shared_connection::{self, Backoff, Connect},
    telemetry::Backend,
};

pub(super) type SharedConnection = shared_connection::SharedConnection<Route>;
pub(super) type PerRuntime = shared_connection::PerRuntime<Route>;

/// The target of a connection, and how it is made.
pub(super) struct Route {
    pub(super) connector: Arc<Connector>,
    pub(super) target: Target,
    pub(super) backoff: Backoff,
}

pub(super) enum Target {
    Server(Endpoint),
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

impl Route {
    /// Stops following the master.
    pub(super) fn close(&self) {
        if let Target::Master(sentinels) = &self.target {
            sentinels.close();
        }
    }
}

impl Connect for Route {
    type Connection = RawConnection;
    type Handle = Handle;
    type Fault = Fault;

    const BACKEND: Backend = Backend::Redis;

    async fn connect(&self) -> Result<RawConnection, Fault> {
        match &self.target {
            Target::Server(endpoint) => self.connector.connect_to(endpoint).await,
            Target::Master(sentinels) => sentinels.connect().await,
        }
    }

    fn backoff(&self) -> Backoff {
        self.backoff
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

pub(super) async fn send(
    connection: &SharedConnection,
    request: &Request<'_>,
    asking: Asking,
    deadline: Deadline,
) -> Result<Attempt, Fault> {
    let mut in_flight = connection.begin(deadline).await?;
    let answer = exchange(&mut in_flight.handle.connection, request, asking);
    let answer = deadline.bound(answer).await?;
    let mut pending = in_flight.handle.pending.take();
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
    if matches!(request.action, Action::Slots) {
        // A node that the others have replaced answers this as well, and announces no more changes.
        pending = None;
    }
    Ok(Attempt {
        value: answer?,
        provenance: pending.map(Pending::answered),
    })
}
