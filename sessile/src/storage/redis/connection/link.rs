//! [`Link`]: one connection that many share, and that is made anew when it breaks.
//!
//! There is no task that watches over it. Who finds it broken makes a new one, and who comes while
//! that is under way waits for it, up to its own deadline. When it can't be made, nobody tries again
//! before a pause is over: until then every request fails at once, with the cause.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{Value, aio::MultiplexedConnection};
use tokio::{sync::watch, time::Instant};

use super::{
    super::{
        error::Fault,
        location::{Endpoint, Host},
        pauses::Pauses,
        script::Request,
    },
    Asking, Deadline, Dialer, exchange, sentinel,
};

/// One connection. Clones share it.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    dialer: Arc<Dialer>,
    target: Target,
    pauses: Pauses,
    state: Mutex<State>,
}

enum Target {
    Server(Endpoint),
    /// Whichever server the sentinels at `hosts` call so.
    Master {
        hosts: Vec<Host>,
        name: Arc<str>,
    },
}

struct State {
    phase: Phase,
    /// Which connection it is, counted up with each.
    number: u64,
    /// How many attempts failed in a row.
    failures: u32,
}

enum Phase {
    /// Nothing was tried yet, or the connection has just been found broken.
    Closed,
    /// Being made. The channel closes when that is over.
    Opening {
        over: watch::Receiver<()>,
        /// Why the attempt before failed, if it did.
        last: Option<Fault>,
    },
    Open(Open),
    Failed {
        cause: Fault,
        retry_at: Instant,
    },
}

struct Open {
    connection: MultiplexedConnection,
    /// How many requests somebody waits for an answer to.
    waiting: u32,
    /// Since when there was no answer, while there was something to answer.
    silent_since: Option<Instant>,
}

/// A connection to send over.
struct Live {
    connection: MultiplexedConnection,
    number: u64,
}

enum Look {
    Open(Live),
    Wait(watch::Receiver<()>),
}

impl Link {
    pub(super) fn to_server(dialer: Arc<Dialer>, endpoint: Endpoint, pauses: Pauses) -> Self {
        Self::new(dialer, Target::Server(endpoint), pauses)
    }

    pub(super) fn to_master(
        dialer: Arc<Dialer>,
        hosts: Vec<Host>,
        name: String,
        pauses: Pauses,
    ) -> Self {
        let name = name.into();
        Self::new(dialer, Target::Master { hosts, name }, pauses)
    }

    fn new(dialer: Arc<Dialer>, target: Target, pauses: Pauses) -> Self {
        Self(Arc::new(Inner {
            dialer,
            target,
            pauses,
            state: Mutex::new(State {
                phase: Phase::Closed,
                number: 0,
                failures: 0,
            }),
        }))
    }

    /// Connects, if that has not been done.
    pub(super) async fn prove(&self) -> Result<(), Fault> {
        loop {
            match self.look()? {
                Look::Open(_) => return Ok(()),
                // The attempt has a limit of its own.
                Look::Wait(mut over) => _ = over.changed().await,
            }
        }
    }

    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        asking: Asking,
        deadline: Deadline,
    ) -> Result<Value, Fault> {
        let mut live = deadline.bound(self.live()).await.unwrap_or_else(|fault| {
            // Nothing was sent.
            Err(Fault::NotConnected(Arc::new(fault)))
        })?;
        let mut sent = Sent::new(self, live.number, deadline.limit);
        let answer = exchange(&mut live.connection, request, asking);
        let answer = deadline.bound(answer).await?;
        sent.is_answered = true;
        drop(sent);
        if let Err(fault) = &answer
            && fault.ends_connection()
        {
            self.with_open(live.number, |_| Some(Phase::Closed));
        }
        answer
    }

    async fn live(&self) -> Result<Live, Fault> {
        loop {
            match self.look()? {
                Look::Open(live) => return Ok(live),
                Look::Wait(mut over) => _ = over.changed().await,
            }
        }
    }

    /// The connection if there is one, and otherwise what to wait for. Begins to connect where it is
    /// time to.
    fn look(&self) -> Result<Look, Fault> {
        let mut state = self.0.state();
        let last = match &state.phase {
            Phase::Open(open) => {
                return Ok(Look::Open(Live {
                    connection: open.connection.clone(),
                    number: state.number,
                }));
            }
            Phase::Opening { over, last } => match (over.has_changed(), last) {
                // Who failed before is not waited for.
                (Ok(_), Some(cause)) => return Err(not_connected(cause)),
                (Ok(_), None) => return Ok(Look::Wait(over.clone())),
                // The runtime that was at it is gone.
                (Err(_), last) => last.clone(),
            },
            Phase::Failed { cause, retry_at } if Instant::now() < *retry_at => {
                return Err(not_connected(cause));
            }
            // A failure of long ago tells nothing about now.
            Phase::Failed { cause, retry_at } => {
                (retry_at.elapsed() < self.0.pauses.longest).then(|| cause.clone())
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
        Ok(Look::Wait(over))
    }

    /// Does something to connection `number` if it is in use; what comes of it takes its place.
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

    async fn open(&self) -> Result<MultiplexedConnection, Fault> {
        match &self.target {
            Target::Server(endpoint) => self.dialer.dial(endpoint).await,
            Target::Master { hosts, name } => {
                sentinel::dial_master(&self.dialer, hosts, name).await
            }
        }
    }

    fn opened(&self, number: u64, opened: Result<MultiplexedConnection, Fault>) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        match opened {
            Ok(connection) => {
                if state.failures > 0 {
                    tracing::info!("connected to Redis again");
                }
                state.failures = 0;
                state.phase = Phase::Open(Open {
                    connection,
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
                let retry_at = Instant::now() + self.pauses.after(state.failures);
                state.phase = Phase::Failed { cause, retry_at };
            }
        }
    }
}

fn not_connected(cause: &Fault) -> Fault {
    Fault::NotConnected(Arc::new(cause.clone()))
}

/// A request that was sent.
///
/// When one is given up, by who sent it or because nobody waits for that any longer, and nothing at
/// all was answered for half of the timeout, so is the connection: the server hangs, or it went
/// without a word, and the next request need not wait to find that out.
struct Sent<'a> {
    link: &'a Link,
    number: u64,
    limit: Duration,
    is_answered: bool,
}

impl<'a> Sent<'a> {
    fn new(link: &'a Link, number: u64, limit: Duration) -> Self {
        link.with_open(number, |open| {
            open.waiting += 1;
            open.silent_since.get_or_insert_with(Instant::now);
            None
        });
        Self {
            link,
            number,
            limit,
            is_answered: false,
        }
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.link.with_open(self.number, |open| {
            open.waiting = open.waiting.saturating_sub(1);
            if self.is_answered {
                open.silent_since = (open.waiting > 0).then(Instant::now);
                return None;
            }
            let silence = open
                .silent_since
                .map_or(Duration::ZERO, |since| since.elapsed());
            (silence >= self.limit / 2).then(|| Phase::Failed {
                cause: Fault::TimedOut(silence),
                retry_at: Instant::now(),
            })
        });
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
