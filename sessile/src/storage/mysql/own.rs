//! [`Own`]: the connections that a store opens itself.
//!
//! This is not sqlx's pool, which pings the server whenever a connection is returned. The ping is a second
//! round trip for each operation, and runs in a task on the caller's runtime, where a handler that
//! blocks its thread delays it. Here an operation returns its connection at once. A dead connection is
//! detected when it is next used.

mod idle;

use std::{
    borrow::Cow,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use sqlx::{ConnectOptions as _, MySqlConnection, mysql::MySqlConnectOptions};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use self::idle::{Idle, Opened};
use super::{catalog, error::fault};
use crate::{
    storage::{
        credentials::{Credentials, CredentialsSource},
        lock::lock,
        retirement::Retirement,
        sql::{Fault, after_reply},
        timing::LONGEST_PAUSE,
    },
    telemetry::{self, Backend},
};

/// If an operation is dropped after this long, the server or the network hangs, and the connections
/// that were idle meanwhile are closed as well.
const SUSPICIOUS: Duration = Duration::from_millis(500);

/// The maximum number of connections that are opened at the same time. In a burst of requests, a returned
/// connection is available sooner than a new one.
const OPENED_AT_ONCE: usize = 2;

/// How long a failure of the callback for credentials also fails connections that are opened later.
const BACKOFF: Duration = LONGEST_PAUSE;

/// The connections that a store opens itself. Clones share them.
#[derive(Clone)]
pub(super) struct Own(Arc<Inner>);

/// How connections are made, and how many.
pub(super) struct Settings {
    pub(super) options: MySqlConnectOptions,
    /// If there is none, the options have the credentials.
    pub(super) credentials: Option<CredentialsSource>,
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    pub(super) max_lifetime: Duration,
}

struct Inner {
    settings: Settings,
    bound: usize,
    /// One permit for each connection in use.
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
    retirement: Retirement,
    /// Notifies operations that wait to open a connection of an idle one.
    given_back: Notify,
    /// One permit for each connection that may be opened now.
    opening: Semaphore,
    /// The last failure of the callback for credentials, and when it may be called again.
    without_credentials: Mutex<Option<(Fault, Instant)>>,
}

impl Own {
    pub(super) fn new(settings: Settings) -> Self {
        let bound = settings.connections.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            settings,
            bound,
            permits: Arc::new(Semaphore::new(bound)),
            idle: Mutex::default(),
            retirement: Retirement::default(),
            given_back: Notify::new(),
            opening: Semaphore::new(OPENED_AT_ONCE),
            without_credentials: Mutex::default(),
        }))
    }

    /// A connection for an operation with this time limit, as soon as one is available; a new one if `is_new` is
    /// set.
    pub(super) async fn take(&self, is_new: bool, limit: Duration) -> Result<Taken, Fault> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.ok();
        let count = self.0.retirement.count();
        let connection = match is_new {
            true => Box::pin(self.0.open()).await?,
            false => self.0.find_or_open(limit).await?,
        };
        Ok(Taken {
            connection: Some(connection),
            count,
            since: Instant::now(),
            inner: Arc::clone(&self.0),
            _permit: permit,
        })
    }

    /// Closes the connections that are idle, and those in use after their operations.
    pub(super) fn close(&self) {
        self.0.idle().close();
    }
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        lock(&self.idle)
    }

    /// Whether the connections in use, one of which is about to be opened, and the idle ones exceed the
    /// bound. A connection that is being returned counts twice, so the bound always holds.
    fn is_full(&self, idle: &Idle) -> bool {
        let in_use = self.bound - self.permits.available_permits();
        in_use + idle.len() > self.bound
    }

    /// An idle connection, as soon as there is one, or a new one if it may be opened before that.
    async fn find_or_open(&self, limit: Duration) -> Result<Opened, Fault> {
        let mut opening = pin!(self.opening.acquire());
        loop {
            // Created before the check, so that no connection returned after it is missed.
            let given_back = self.given_back.notified();
            if let Some(mut connection) = self.take_idle() {
                if connection.is_alive(limit / 4).await {
                    return Ok(connection);
                }
                self.idle().distrust(connection.used);
                continue;
            }
            tokio::select! {
                biased;
                // Boxed, since it is large and rare.
                _permit = &mut opening => return Box::pin(self.open()).await,
                () = given_back => {}
            }
        }
    }

    /// An idle connection of this runtime, or of any if no more may be opened.
    fn take_idle(&self) -> Option<Opened> {
        let mut idle = self.idle();
        idle.remove_unusable();
        let is_full = self.is_full(&idle);
        idle.take(is_full)
    }

    async fn open(&self) -> Result<Opened, Fault> {
        // Closes a connection if no more may be opened.
        let oldest = {
            let mut idle = self.idle();
            self.is_full(&idle).then(|| idle.take_oldest()).flatten()
        };
        drop(oldest);
        let (connection, max_packet) = self.connect().await?;
        let max_lifetime = self.settings.max_lifetime;
        Ok(Opened::new(connection, max_packet, max_lifetime))
    }

    /// A connection, and the size of the largest packet that it takes.
    async fn connect(&self) -> Result<(MySqlConnection, u64), Fault> {
        let limit = self.settings.connect_timeout;
        let connecting = timeout(limit, async {
            let options = self.options().await?;
            let mut connection = options.connect().await.map_err(fault)?;
            let max_packet = catalog::set_up(&mut connection).await.map_err(fault)?;
            Ok((connection, max_packet))
        });
        let connected = connecting.await;
        let connected = connected.unwrap_or(Err(Fault::TimedOut(limit)));
        telemetry::connected(Backend::MySql, connected.is_ok());
        connected
    }

    /// The options, with the credentials that count now.
    async fn options(&self) -> Result<Cow<'_, MySqlConnectOptions>, Fault> {
        let mut options = Cow::Borrowed(&self.settings.options);
        if let Some(source) = &self.settings.credentials {
            let Credentials { username, password } = self.credentials(source).await?;
            if let Some(username) = username {
                options = Cow::Owned(options.into_owned().username(&username));
            }
            if let Some(password) = password {
                options = Cow::Owned(options.into_owned().password(&password));
            }
        }
        Ok(options)
    }

    /// The result of the callback. If it failed a short time ago, this returns that failure, because the
    /// callback may depend on an overloaded service.
    async fn credentials(&self, source: &CredentialsSource) -> Result<Credentials, Fault> {
        if let Some((cause, until)) = &*self.without_credentials()
            && Instant::now() < *until
        {
            return Err(cause.clone());
        }
        let credentials = source.get().await.map_err(Fault::credentials);
        let failure = credentials.as_ref().err();
        *self.without_credentials() = failure.map(|it| (it.clone(), Instant::now() + BACKOFF));
        credentials
    }

    fn without_credentials(&self) -> MutexGuard<'_, Option<(Fault, Instant)>> {
        lock(&self.without_credentials)
    }
}

/// A connection in use. It is closed if its operation does not end.
pub(super) struct Taken {
    connection: Option<Opened>,
    /// How often connections had been retired when this one was acquired.
    count: u64,
    since: Instant,
    inner: Arc<Inner>,
    /// Released after the connection.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Taken {
    #[expect(clippy::expect_used, reason = "it is empty only after its end")]
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        let opened = self.connection.as_mut().expect("a connection in use");
        &mut opened.connection
    }

    /// The size of the largest packet that the connection takes.
    pub(super) fn max_packet(&self) -> u64 {
        let opened = self.connection.as_ref();
        opened.map_or(u64::MAX, |it| it.max_packet)
    }

    /// Makes the connection available to other operations, or closes it if it can't be used any longer.
    /// The idle connections that probably failed for the same reason are closed as well.
    pub(super) fn end<T>(mut self, is_write: bool, result: Result<T, Fault>) -> Result<T, Fault> {
        let Some(connection) = self.connection.take() else {
            return result;
        };
        let is_cut = matches!(&result, Err(fault) if fault.is_cut());
        after_reply(is_write, result, |reply| {
            // Under the lock, so that no connection is returned while the others are closed.
            let mut idle = self.inner.idle();
            let action = self.inner.retirement.after(reply, self.count);
            if action.closes_idle() {
                idle.close_all();
            }
            match action.closes_this() {
                // The server was probably restarted, or the network changed.
                true if is_cut => idle.distrust(self.since),
                true => {}
                false => {
                    idle.push(connection);
                    self.inner.given_back.notify_one();
                }
            }
            action
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.connection.take().is_some() && self.since.elapsed() >= SUSPICIOUS {
            self.inner.idle().distrust(self.since);
        }
    }
}
