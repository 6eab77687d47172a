//! [`Link`]: one connection that many share, and that is made anew when it breaks.
//!
//! There is no task that watches over it. Who finds it broken makes a new one, and who comes while
//! that is under way waits for it, up to its own deadline. When it can't be made, nobody tries again
//! before a pause is over: until then every request fails at once, with the cause.

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use tokio::{sync::watch, time::Instant};

use super::{
    super::{
        error::Fault,
        location::{Endpoint, Host},
        near::{Lifeline, Pending},
        pauses::Pauses,
        script::{Action, Request},
    },
    Answer, Asking, Deadline, Dialer, Wire, exchange, sentinel,
};

/// One connection. Clones share it.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    site: Arc<Site>,
    state: Mutex<State>,
}

/// Where a connection leads to, and how it is made.
pub(super) struct Site {
    pub(super) dialer: Arc<Dialer>,
    pub(super) target: Target,
    pub(super) pauses: Pauses,
}

pub(super) enum Target {
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
    wire: Wire,
    /// How many requests somebody waits for an answer to.
    waiting: u32,
    /// Since when there was no answer, while there was something to answer.
    silent_since: Option<Instant>,
}

enum Look<T> {
    Open(T),
    Wait(watch::Receiver<()>),
}

impl Link {
    pub(super) fn to(site: Arc<Site>) -> Self {
        Self(Arc::new(Inner {
            site,
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
            match self.look(|_, _| ())? {
                Look::Open(()) => return Ok(()),
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
    ) -> Result<Answer, Fault> {
        let mut sent = match self.begin(deadline)? {
            Look::Open(sent) => sent,
            Look::Wait(over) => Box::pin(self.begin_after(over, deadline)).await?,
        };
        let answer = {
            let answer = pin!(exchange(&mut sent.connection, request, asking));
            deadline.bound(answer).await?
        };
        sent.is_answered = true;
        let (number, mut heard) = (sent.number, sent.heard.take());
        drop(sent);
        if matches!(request.action, Action::Slots) {
            // A node that the others have replaced answers this too, and knows of no changes any more.
            heard = None;
        }
        match answer {
            Ok(value) => Ok(Answer {
                value,
                heard: heard.map(Pending::answered),
            }),
            Err(fault) => {
                if fault.ends_connection() {
                    self.with_open(number, |_| Some(Phase::Closed));
                }
                Err(fault)
            }
        }
    }

    /// Counts a request that is about to be sent, if there is a connection to send it over.
    fn begin(&self, deadline: Deadline) -> Result<Look<Sent<'_>>, Fault> {
        self.look(|open, number| Sent::new(self, (open, number), deadline.limit))
    }

    /// As [`begin`](Self::begin), once there is a connection.
    async fn begin_after(
        &self,
        mut over: watch::Receiver<()>,
        deadline: Deadline,
    ) -> Result<Sent<'_>, Fault> {
        let begin = async {
            loop {
                _ = over.changed().await;
                match self.begin(deadline)? {
                    Look::Open(sent) => return Ok(sent),
                    Look::Wait(next) => over = next,
                }
            }
        };
        deadline.bound(begin).await.unwrap_or_else(|fault| {
            // Nothing was sent.
            Err(Fault::NotConnected(Arc::new(fault)))
        })
    }

    /// What `take` takes of the connection if there is one, and otherwise what to wait for. Begins to
    /// connect where it is time to.
    fn look<T>(&self, take: impl FnOnce(&mut Open, u64) -> T) -> Result<Look<T>, Fault> {
        let mut state = self.0.state();
        let number = state.number;
        let last = match &mut state.phase {
            Phase::Open(open) => return Ok(Look::Open(take(open, number))),
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
                (retry_at.elapsed() < self.0.site.pauses.longest).then(|| cause.clone())
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

    async fn open(&self) -> Result<Wire, Fault> {
        let Site { dialer, target, .. } = &*self.site;
        match target {
            Target::Server(endpoint) => dialer.dial(endpoint).await,
            Target::Master { hosts, name } => sentinel::dial_master(dialer, hosts, name).await,
        }
    }

    fn opened(&self, number: u64, opened: Result<Wire, Fault>) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        match opened {
            Ok(wire) => {
                if state.failures > 0 {
                    tracing::info!("connected to Redis again");
                }
                state.failures = 0;
                state.phase = Phase::Open(Open {
                    wire,
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
                let retry_at = Instant::now() + self.site.pauses.after(state.failures);
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
    connection: MultiplexedConnection,
    number: u64,
    limit: Duration,
    is_answered: bool,
    /// What an answer tells who wants to know of changes.
    heard: Option<Pending>,
}

impl<'a> Sent<'a> {
    fn new(link: &'a Link, (open, number): (&mut Open, u64), limit: Duration) -> Self {
        open.waiting += 1;
        open.silent_since.get_or_insert_with(Instant::now);
        Self {
            link,
            connection: open.wire.connection.clone(),
            number,
            limit,
            is_answered: false,
            heard: open.wire.lifeline.as_ref().map(Lifeline::ask),
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
