//! [`Own`]: the connections that a store opens itself.
//!
//! This is not sqlx's pool, which pings the server whenever a connection is returned. The ping is a second
//! round trip for each operation, and runs in a task on the caller's runtime, where a handler that
//! blocks its thread delays it. Here an operation returns its connection at once. A dead connection is
//! detected when it is next used.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions as _, MySqlConnection, mysql::MySqlConnectOptions};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{catalog, error::fault};
use crate::storage::{home::Home, sql::Fault};

/// A connection that was idle for this long is not used again. Firewalls drop such connections silently,
/// and the next operation would run into its timeout.
const LONGEST_IDLE: Duration = Duration::from_secs(300);

/// If an operation is dropped after this long, the server or the network hangs, and the connections
/// that were idle meanwhile are closed as well.
const SUSPICIOUS: Duration = Duration::from_millis(500);

/// How many connections are opened at once. In a burst of requests, a returned connection is available
/// sooner than a new one for each request.
const OPENED_AT_ONCE: usize = 2;

/// The connections that a store opens itself. Clones share them.
#[derive(Clone)]
pub(super) struct Own(Arc<Inner>);

struct Inner {
    options: MySqlConnectOptions,
    connect_timeout: Duration,
    bound: usize,
    /// One permit for each connection in use.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// Notifies operations that wait to open a connection of an idle one.
    given_back: Notify,
    /// One permit for each connection that may be opened now.
    opening: Semaphore,
}

struct Idle {
    connection: MySqlConnection,
    home: Home,
    since: Instant,
}

impl Own {
    pub(super) fn new(
        options: MySqlConnectOptions,
        connections: usize,
        connect_timeout: Duration,
    ) -> Self {
        let bound = connections.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            options,
            connect_timeout,
            bound,
            permits: Arc::new(Semaphore::new(bound)),
            idle: Mutex::default(),
            given_back: Notify::new(),
            opening: Semaphore::new(OPENED_AT_ONCE),
        }))
    }

    /// A connection, as soon as one is available; a new one if `is_new` is set.
    ///
    /// Connections of the present runtime are preferred: a reply wakes up the runtime that opened the
    /// connection, so another runtime would wait for that one's threads.
    pub(super) async fn take(&self, is_new: bool) -> Result<Taken, Fault> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.ok();
        let connection = match is_new {
            true => self.0.open().await?,
            false => self.0.find_or_open().await?,
        };
        Ok(Taken {
            connection: Some(connection),
            since: Instant::now(),
            inner: Arc::clone(&self.0),
            _permit: permit,
        })
    }
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connections in use, one of which is about to be opened, and the idle ones exceed the
    /// bound. A connection that is being returned counts twice, so the bound always holds.
    fn is_full(&self, idle: &[Idle]) -> bool {
        let in_use = self.bound - self.permits.available_permits();
        in_use + idle.len() > self.bound
    }

    /// An idle connection, as soon as there is one, or a new one if it may be opened before that.
    async fn find_or_open(&self) -> Result<(MySqlConnection, Home), Fault> {
        let mut opening = pin!(self.opening.acquire());
        loop {
            // Created before the check, so that no connection returned after it is missed.
            let given_back = self.given_back.notified();
            if let Some(idle) = self.take_idle() {
                return Ok((idle.connection, idle.home));
            }
            tokio::select! {
                biased;
                _permit = &mut opening => return self.open().await,
                () = given_back => {}
            }
        }
    }

    async fn open(&self) -> Result<(MySqlConnection, Home), Fault> {
        self.make_room();
        Ok((self.connect().await?, Home::here()))
    }

    /// An idle connection of this runtime, or of any if no more may be opened.
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle();
        idle.retain_mut(|it| it.since.elapsed() < LONGEST_IDLE && it.home.is_alive());
        let last = idle.iter().rposition(|it| it.home.is_here());
        let last = last.or_else(|| self.is_full(&idle).then(|| idle.len().checked_sub(1))?);
        // The connections stay in the order of their last use.
        last.map(|index| idle.remove(index))
    }

    /// Closes the connection that was idle for the longest time, if no more may be opened.
    fn make_room(&self) {
        let mut idle = self.idle();
        let oldest = (self.is_full(&idle) && !idle.is_empty()).then(|| idle.remove(0));
        drop(idle);
        drop(oldest);
    }

    async fn connect(&self) -> Result<MySqlConnection, Fault> {
        let connecting = timeout(self.connect_timeout, async {
            let mut connection = self.options.connect().await?;
            catalog::set_up(&mut connection).await?;
            Ok(connection)
        });
        match connecting.await {
            Ok(connected) => connected.map_err(fault),
            Err(_) => Err(Fault::TimedOut(self.connect_timeout)),
        }
    }

    /// Closes the connections that were not used since `moment`.
    fn distrust(&self, moment: Instant) {
        self.idle().retain(|it| it.since > moment);
    }
}

/// A connection in use. It is closed if it isn't given back.
pub(super) struct Taken {
    /// With the runtime that it belongs to.
    connection: Option<(MySqlConnection, Home)>,
    since: Instant,
    inner: Arc<Inner>,
    /// Released after the connection.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Taken {
    #[expect(
        clippy::expect_used,
        reason = "it is empty only while it is given back or dropped"
    )]
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        let (connection, _) = self.connection.as_mut().expect("a connection in use");
        connection
    }

    pub(super) fn give_back(mut self) {
        if let Some((connection, home)) = self.connection.take() {
            self.inner.idle().push(Idle {
                connection,
                home,
                since: Instant::now(),
            });
            self.inner.given_back.notify_one();
        }
    }

    /// The server was probably restarted, or the network changed: idle connections are cut as well.
    pub(super) fn report_cut(mut self) {
        self.connection = None;
        self.inner.distrust(self.since);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.connection.take().is_some() && self.since.elapsed() >= SUSPICIOUS {
            self.inner.distrust(self.since);
        }
    }
}
