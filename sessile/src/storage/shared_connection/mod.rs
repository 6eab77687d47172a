//! [`SharedConnection`]: a shared connection that reconnects when it breaks.
//!
//! No task monitors it. The request that finds it broken starts to connect, and later requests wait for
//! the new connection, up to their own deadlines. If connecting fails, the next attempt has to wait for
//! the backoff; until then every request fails immediately, with the cause. So no requests queue up behind
//! a server that is down, and the store survives the end of a runtime: a worker of Actix Web, or a test.

mod backoff;
mod in_flight;
mod per_runtime;
#[cfg(feature = "redis-rs-session")]
mod refusals;

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

pub(super) use self::{backoff::Backoff, in_flight::InFlight, per_runtime::PerRuntime};
use super::{
    lock::lock,
    timing::{Deadline, TimedOut},
};
use crate::telemetry::{self, Backend};

/// A connection that was idle for this long is replaced. Firewalls drop such connections silently, and the
/// next request would run into its timeout.
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// How connections to a server are made.
pub(super) trait Connect: Send + Sync + 'static {
    /// A connection that requests share.
    type Connection: Send + 'static;
    /// The part of a connection over which a request is sent.
    type Handle;
    type Fault: Clone + Error + From<TimedOut> + Send + Sync + 'static;

    /// The kind of server.
    const BACKEND: Backend;

    /// A new connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Fault>> + Send;

    fn backoff(&self) -> Backoff;

    /// The fault of each request after the store was closed. It is called under a lock.
    fn closed(&self) -> Option<Self::Fault>;

    /// The handle for the next request. It is called under a lock.
    fn handle(connection: &Self::Connection) -> Self::Handle;

    /// Whether the connection is known to be broken. It is called under a lock.
    fn is_broken(connection: &Self::Connection) -> bool;

    /// The fault of a request that was not sent, because there was no connection for this reason.
    fn not_connected(cause: Self::Fault) -> Self::Fault;
}

/// A shared connection. Clones share it as well.
pub(super) struct SharedConnection<C: Connect>(Arc<Inner<C>>);

impl<C: Connect> Clone for SharedConnection<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<C: Connect> {
    connector: Arc<C>,
    state: Mutex<State<C>>,
}

struct State<C: Connect> {
    phase: Phase<C>,
    /// The number of the connection. No two connections have the same number.
    number: u64,
    /// The number of attempts that failed in a row.
    failures: u32,
    #[cfg(feature = "redis-rs-session")]
    refusals: refusals::Refusals,
}

enum Phase<C: Connect> {
    /// No attempt was made yet, or the connection has just been found broken.
    Closed,
    /// Connecting. The channel closes when the attempt has ended.
    Opening {
        over: watch::Receiver<()>,
        /// Why the previous attempt failed, if it did.
        last: Option<C::Fault>,
    },
    Open(Open<C>),
    Failed {
        cause: C::Fault,
        retry_at: Instant,
    },
}

struct Open<C: Connect> {
    connection: C::Connection,
    /// The number of requests in flight.
    waiting: u32,
    /// When the last reply arrived, or, if no request was in flight then, the next request was sent.
    waiting_since: Instant,
    /// How long requests waited since the last reply, before `waiting_since`.
    waited: Duration,
}

impl<C: Connect> Open<C> {
    fn is_usable(&self) -> bool {
        let is_stale = self.waiting == 0 && self.waiting_since.elapsed() >= LONGEST_IDLE;
        !is_stale && !C::is_broken(&self.connection)
    }
}

enum Acquired<T> {
    Open(T),
    Wait(watch::Receiver<()>),
}

impl<C: Connect> SharedConnection<C> {
    fn new(connector: Arc<C>) -> Self {
        Self(Arc::new(Inner {
            connector,
            state: Mutex::new(State {
                phase: Phase::Closed,
                number: 0,
                failures: 0,
                #[cfg(feature = "redis-rs-session")]
                refusals: refusals::Refusals::default(),
            }),
        }))
    }

    /// Connects, if there is no connection.
    pub(super) async fn prove(&self) -> Result<(), C::Fault> {
        loop {
            match self.acquire(|_, _| ())? {
                Acquired::Open(()) => return Ok(()),
                // The attempt has a limit of its own.
                Acquired::Wait(mut over) => _ = over.changed().await,
            }
        }
    }

    /// Counts a request that is about to be sent, once there is a connection.
    pub(super) async fn begin(&self, deadline: Deadline) -> Result<InFlight<'_, C>, C::Fault> {
        let acquire =
            || self.acquire(|open, number| InFlight::new(self, (open, number), deadline.limit));
        let mut over = match acquire()? {
            Acquired::Open(in_flight) => return Ok(in_flight),
            Acquired::Wait(over) => over,
        };
        let begin = Box::pin(async {
            loop {
                _ = over.changed().await;
                match acquire()? {
                    Acquired::Open(in_flight) => return Ok(in_flight),
                    Acquired::Wait(next) => over = next,
                }
            }
        });
        let begun = telemetry::waiting(C::BACKEND, deadline.bound(begin)).await;
        // Nothing was sent.
        begun.unwrap_or_else(|timed_out| Err(C::not_connected(timed_out.into())))
    }

    #[cfg(feature = "redis-rs-session")]
    pub(super) fn connector(&self) -> &C {
        &self.0.connector
    }

    /// Closes the connection, also one that is being opened. The next request opens another one, unless the store was closed.
    fn close(&self) {
        let mut state = self.0.state();
        if matches!(state.phase, Phase::Open(_) | Phase::Opening { .. }) {
            state.phase = Phase::Closed;
            // The attempt that is under way is not used.
            state.number += 1;
        }
    }

    /// The output of `take` if there is a connection, and otherwise what to wait for. Starts to connect if
    /// the backoff is over.
    fn acquire<T>(
        &self,
        take: impl FnOnce(&mut Open<C>, u64) -> T,
    ) -> Result<Acquired<T>, C::Fault> {
        let mut state = self.0.state();
        let number = state.number;
        let last = match &mut state.phase {
            Phase::Open(open) if open.is_usable() => return Ok(Acquired::Open(take(open, number))),
            Phase::Opening { over, last } => match (over.has_changed(), last) {
                // After a failure no request waits for the next attempt.
                (Ok(_), Some(cause)) => return Err(C::not_connected(cause.clone())),
                (Ok(_), None) => return Ok(Acquired::Wait(over.clone())),
                // The runtime of the attempt has ended.
                (Err(_), last) => last.clone(),
            },
            Phase::Failed { cause, retry_at } if Instant::now() < *retry_at => {
                return Err(C::not_connected(cause.clone()));
            }
            // An old failure says nothing about the current state of the server.
            Phase::Failed { cause, retry_at } => {
                let longest = self.0.connector.backoff().longest;
                (retry_at.elapsed() < longest).then(|| cause.clone())
            }
            Phase::Closed | Phase::Open(_) => None,
        };
        if let Some(closed) = self.0.connector.closed() {
            return Err(closed);
        }
        let (sender, over) = watch::channel(());
        state.number += 1;
        state.phase = Phase::Opening {
            over: over.clone(),
            last,
        };
        let (inner, number) = (Arc::clone(&self.0), state.number);
        tokio::spawn(async move {
            let opened = inner.connector.connect().await;
            telemetry::connected(C::BACKEND, opened.is_ok());
            inner.opened(number, opened);
            drop(sender);
        });
        Ok(Acquired::Wait(over))
    }

    /// Changes connection `number` if it is open. What `change` returns replaces it.
    fn with_open(&self, number: u64, change: impl FnOnce(&mut Open<C>) -> Option<Phase<C>>) {
        let mut state = self.0.state();
        if state.number == number
            && let Phase::Open(open) = &mut state.phase
            && let Some(next) = change(open)
        {
            state.phase = next;
        }
    }
}

impl<C: Connect> Inner<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        lock(&self.state)
    }

    fn opened(&self, number: u64, opened: Result<C::Connection, C::Fault>) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        match opened {
            Ok(connection) => {
                state.failures = 0;
                state.phase = Phase::Open(Open {
                    connection,
                    waiting: 0,
                    waiting_since: Instant::now(),
                    waited: Duration::ZERO,
                });
            }
            Err(cause) => {
                state.failures = state.failures.saturating_add(1);
                let retry_at = Instant::now() + self.connector.backoff().after(state.failures);
                state.phase = Phase::Failed { cause, retry_at };
            }
        }
    }
}

crate::debug::opaque!(SharedConnection<C: Connect>);

#[cfg(test)]
mod tests;
