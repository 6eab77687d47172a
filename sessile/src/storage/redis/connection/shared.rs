//! [`SharedConnection`]: a shared connection that reconnects when it breaks.
//!
//! No task watches it. The request that finds it broken starts to connect, and later requests wait for the
//! new connection, up to their own deadlines. If connecting fails, the next attempt has to wait for the
//! backoff; until then every request fails immediately, with the cause. So no requests queue up behind a server that is
//! down, and the store survives the end of a runtime: a worker of Actix Web, or a test.

mod in_flight;

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::watch, time::Instant};

use self::in_flight::InFlight;
use super::{
    super::{
        backoff::Backoff,
        error::Fault,
        location::{Endpoint, Host},
        near::Pending,
        script::{Action, Request},
    },
    Asking, Attempt, Connector, Deadline, RawConnection, exchange, sentinel,
};

/// A shared connection. Clones share it as well.
#[derive(Clone)]
pub(super) struct SharedConnection(Arc<Inner>);

struct Inner {
    route: Arc<Route>,
    state: Mutex<State>,
}

/// The target of a connection, and how it is made.
pub(super) struct Route {
    pub(super) connector: Arc<Connector>,
    pub(super) target: Target,
    pub(super) backoff: Backoff,
}

pub(super) enum Target {
    Server(Endpoint),
    /// The server that the sentinels at `hosts` call `name`.
    Master {
        hosts: Vec<Host>,
        name: Arc<str>,
    },
}

struct State {
    phase: Phase,
    /// The number of the connection: each has another.
    number: u64,
    /// The number of attempts that failed in a row.
    failures: u32,
}

enum Phase {
    /// No attempt was made yet, or the connection has just been found broken.
    Closed,
    /// Connecting. The channel closes when the attempt has ended.
    Opening {
        over: watch::Receiver<()>,
        /// Why the previous attempt failed, if it did.
        last: Option<Fault>,
    },
    Open(Open),
    Failed {
        cause: Fault,
        retry_at: Instant,
    },
}

struct Open {
    raw: RawConnection,
    /// The number of requests in flight.
    waiting: u32,
    /// When the last reply arrived, or the first request without one was sent, while requests are in flight.
    silent_since: Option<Instant>,
}

enum Acquired<T> {
    Open(T),
    Wait(watch::Receiver<()>),
}

impl SharedConnection {
    pub(super) fn to(route: Arc<Route>) -> Self {
        Self(Arc::new(Inner {
            route,
            state: Mutex::new(State {
                phase: Phase::Closed,
                number: 0,
                failures: 0,
            }),
        }))
    }

    /// Connects, if there is no connection.
    pub(super) async fn prove(&self) -> Result<(), Fault> {
        loop {
            match self.acquire(|_, _| ())? {
                Acquired::Open(()) => return Ok(()),
                // The attempt has a limit of its own.
                Acquired::Wait(mut over) => _ = over.changed().await,
            }
        }
    }

    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        asking: Asking,
        deadline: Deadline,
    ) -> Result<Attempt, Fault> {
        let mut in_flight = match self.begin(deadline)? {
            Acquired::Open(in_flight) => in_flight,
            Acquired::Wait(over) => Box::pin(self.begin_after(over, deadline)).await?,
        };
        let answer = {
            let answer = pin!(exchange(&mut in_flight.connection, request, asking));
            deadline.bound(answer).await?
        };
        in_flight.is_answered = true;
        let (number, mut pending) = (in_flight.number, in_flight.pending.take());
        drop(in_flight);
        if matches!(request.action, Action::Slots) {
            // A node that the others have replaced answers this as well, and announces no more changes.
            pending = None;
        }
        match answer {
            Ok(value) => Ok(Attempt {
                value,
                provenance: pending.map(Pending::answered),
            }),
            Err(fault) => {
                if fault.ends_connection() {
                    self.with_open(number, |_| Some(Phase::Closed));
                }
                Err(fault)
            }
        }
    }

    /// Counts a request that is about to be sent, if there is a connection.
    fn begin(&self, deadline: Deadline) -> Result<Acquired<InFlight<'_>>, Fault> {
        self.acquire(|open, number| InFlight::new(self, (open, number), deadline.limit))
    }

    /// As [`begin`](Self::begin), once there is a connection.
    async fn begin_after(
        &self,
        mut over: watch::Receiver<()>,
        deadline: Deadline,
    ) -> Result<InFlight<'_>, Fault> {
        let begin = async {
            loop {
                _ = over.changed().await;
                match self.begin(deadline)? {
                    Acquired::Open(in_flight) => return Ok(in_flight),
                    Acquired::Wait(next) => over = next,
                }
            }
        };
        deadline.bound(begin).await.unwrap_or_else(|fault| {
            // Nothing was sent.
            Err(Fault::NotConnected(Arc::new(fault)))
        })
    }

    /// The output of `take` if there is a connection, and otherwise what to wait for. Starts to connect if
    /// the backoff is over.
    fn acquire<T>(&self, take: impl FnOnce(&mut Open, u64) -> T) -> Result<Acquired<T>, Fault> {
        let mut state = self.0.state();
        let number = state.number;
        let last = match &mut state.phase {
            Phase::Open(open) => return Ok(Acquired::Open(take(open, number))),
            Phase::Opening { over, last } => match (over.has_changed(), last) {
                // After a failure no request waits for the next attempt.
                (Ok(_), Some(cause)) => return Err(not_connected(cause)),
                (Ok(_), None) => return Ok(Acquired::Wait(over.clone())),
                // The runtime of the attempt has ended.
                (Err(_), last) => last.clone(),
            },
            Phase::Failed { cause, retry_at } if Instant::now() < *retry_at => {
                return Err(not_connected(cause));
            }
            // An old failure says nothing about the server now.
            Phase::Failed { cause, retry_at } => {
                (retry_at.elapsed() < self.0.route.backoff.longest).then(|| cause.clone())
            }
            Phase::Closed => None,
        };
        let (sender, over) = watch::channel(());
        state.number += 1;
        state.phase = Phase::Opening {
            over: over.clone(),
            last,
        };
        let (inner, number) = (Arc::clone(&self.0), state.number);
        tokio::spawn(async move {
            let opened = inner.open().await;
            inner.opened(number, opened);
            drop(sender);
        });
        Ok(Acquired::Wait(over))
    }

    /// Changes connection `number` if it is open. What `change` returns replaces it.
    fn with_open(&self, number: u64, change: impl FnOnce(&mut Open) -> Option<Phase>) {
        let mut state = self.0.state();
        if state.number == number
            && let Phase::Open(open) = &mut state.phase
            && let Some(next) = change(open)
        {
            state.phase = next;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<RawConnection, Fault> {
        let Route {
            connector, target, ..
        } = &*self.route;
        match target {
            Target::Server(endpoint) => connector.connect_to(endpoint).await,
            Target::Master { hosts, name } => {
                sentinel::connect_to_master(connector, hosts, name).await
            }
        }
    }

    fn opened(&self, number: u64, opened: Result<RawConnection, Fault>) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        match opened {
            Ok(raw) => {
                if state.failures > 0 {
                    tracing::info!("connected to Redis again");
                }
                state.failures = 0;
                state.phase = Phase::Open(Open {
                    raw,
                    waiting: 0,
                    silent_since: None,
                });
            }
            Err(cause) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures == 1 {
                    tracing::warn!(
                        error = &cause as &dyn std::error::Error,
                        "can't connect to Redis"
                    );
                }
                let retry_at = Instant::now() + self.route.backoff.after(state.failures);
                state.phase = Phase::Failed { cause, retry_at };
            }
        }
    }
}

fn not_connected(cause: &Fault) -> Fault {
    Fault::NotConnected(Arc::new(cause.clone()))
}

impl fmt::Debug for SharedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedConnection").finish_non_exhaustive()
    }
}
