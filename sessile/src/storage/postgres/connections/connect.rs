//! [`Connector`]: new connections, with their prepared statements.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::timeout};
use tokio_postgres::{Client, Config, SimpleQueryMessage, config::LoadBalanceHosts};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::{
    error::{fault, refused},
    statements::{Purpose, Statement, Statements},
};
use crate::{
    storage::{
        credentials::{Credentials, CredentialsSource},
        lock::lock,
        shared_connection::{Backoff, Connect},
        sql::Fault,
    },
    telemetry::Backend,
};

/// Makes connections for one purpose.
pub(super) struct Connector {
    pub(super) purpose: Purpose,
    /// For each server, in the order in which they are tried.
    pub(super) configs: Vec<Config>,
    pub(super) tls: MakeRustlsConnect,
    /// If there is none, the addresses have the credentials.
    pub(super) credentials: Option<CredentialsSource>,
    /// For one server.
    pub(super) timeout: Duration,
    pub(super) statements: Arc<Statements>,
    /// Whether a pooler may give each transaction another connection to the server.
    pub(super) behind_pooler: bool,
    /// Whether the store was closed.
    pub(super) is_closed: Arc<AtomicBool>,
}

/// A connection to a server.
pub(super) struct RawConnection {
    pub(super) client: Client,
    prepared: Vec<Prepared>,
    /// Locked while a transaction is sent.
    sending: Mutex<()>,
    _driver: Driver,
}

struct Prepared {
    proof: i64,
    statement: tokio_postgres::Statement,
}

/// The task that reads and writes. It ends with this value: on its own it would wait for all replies.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RawConnection {
    /// The prepared form of `statement`, if it has one on this connection.
    pub(super) fn prepared(&self, statement: &Statement) -> Option<&tokio_postgres::Statement> {
        let mut prepared = self.prepared.iter();
        let found = prepared.find(|prepared| prepared.proof == statement.proof);
        found.map(|prepared| &prepared.statement)
    }

    /// The output of a future that sends messages. No other message comes between those that one poll sends.
    pub(super) async fn without_interruption<F: Future>(&self, sending: F) -> F::Output {
        let mut sending = pin!(sending);
        poll_fn(|context| {
            let _guard = lock(&self.sending);
            sending.as_mut().poll(context)
        })
        .await
    }
}

impl Connect for Connector {
    type Connection = Arc<RawConnection>;
    type Handle = Arc<RawConnection>;
    type Fault = Fault;

    const BACKEND: Backend = Backend::Postgres;

    async fn connect(&self) -> Result<Arc<RawConnection>, Fault> {
        let client = self.any_client().await?;
        let preparing = timeout(self.timeout, self.prepared(client)).await;
        preparing
            .unwrap_or_else(|_| Err(self.timed_out()))
            .map(Arc::new)
    }

    fn backoff(&self) -> Backoff {
        Backoff::default()
    }

    fn closed(&self) -> Option<Fault> {
        let is_closed = self.is_closed.load(Ordering::SeqCst);
        is_closed.then_some(Fault::StoreClosed)
    }

    fn handle(connection: &Arc<RawConnection>) -> Arc<RawConnection> {
        Arc::clone(connection)
    }

    fn is_broken(connection: &Arc<RawConnection>) -> bool {
        connection.client.is_closed()
    }

    fn not_connected(cause: Fault) -> Fault {
        cause.not_connected()
    }
}

impl Connector {
    /// A connection to the first server that accepts one.
    async fn any_client(&self) -> Result<(Client, Driver), Fault> {
        let mut configs: Vec<_> = self.configs.iter().collect();
        let is_random = |it: &&Config| it.get_load_balance_hosts() == LoadBalanceHosts::Random;
        if configs.iter().any(is_random) {
            fastrand::shuffle(&mut configs);
        }
        let credentials = self.credentials().await?;
        let mut last = Err(self.timed_out());
        for config in configs {
            let config = signed_in(config, credentials.as_ref());
            let connecting = config.connect(self.tls.clone());
            last = match timeout(self.timeout, connecting).await {
                Ok(Ok((client, connection))) => {
                    // An error reaches the requests as well.
                    let driver = tokio::spawn(async move { _ = connection.await });
                    return Ok((client, Driver(driver.abort_handle())));
                }
                Ok(Err(error)) => Err(refused(error)),
                Err(_) => Err(self.timed_out()),
            };
        }
        last
    }

    async fn credentials(&self) -> Result<Option<Credentials>, Fault> {
        let Some(source) = &self.credentials else {
            return Ok(None);
        };
        match timeout(self.timeout, source.get()).await {
            Ok(credentials) => credentials.map(Some).map_err(Fault::credentials),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> Fault {
        Fault::TimedOut(self.timeout)
    }

    async fn prepared(&self, (client, driver): (Client, Driver)) -> Result<RawConnection, Fault> {
        let Statements {
            of_guests,
            of_all,
            delete,
            ..
        } = &*self.statements;
        let prepare = |statement| prepare(&client, statement);
        let prepared = match self.purpose {
            Purpose::Read if !self.behind_pooler => {
                let (guest, all) =
                    tokio::try_join!(prepare(&of_guests.load), prepare(&of_all.load))?;
                vec![guest, all]
            }
            Purpose::Write if !self.behind_pooler => {
                let (update_guest, update, create_guest, create, delete, ()) = tokio::try_join!(
                    prepare(&of_guests.update),
                    prepare(&of_all.update),
                    prepare(&of_guests.create),
                    prepare(&of_all.create),
                    prepare(delete),
                    check_writable(&client),
                )?;
                // The most frequent ones come first.
                vec![update_guest, update, create_guest, create, delete]
            }
            Purpose::Write | Purpose::SignIn => {
                check_writable(&client).await?;
                Vec::new()
            }
            Purpose::Read | Purpose::Maintain => Vec::new(),
        };
        Ok(RawConnection {
            client,
            prepared,
            sending: Mutex::default(),
            _driver: driver,
        })
    }
}

/// The settings with these credentials.
fn signed_in<'a>(config: &'a Config, credentials: Option<&Credentials>) -> Cow<'a, Config> {
    let mut config = Cow::Borrowed(config);
    if let Some(Credentials { username, password }) = credentials {
        if let Some(username) = username {
            config.to_mut().user(username);
        }
        if let Some(password) = password {
            config.to_mut().password(password);
        }
    }
    config
}

async fn prepare(client: &Client, statement: &Statement) -> Result<Prepared, Fault> {
    let prepared = client.prepare_typed(&statement.text, statement.types).await;
    Ok(Prepared {
        proof: statement.proof,
        statement: prepared.map_err(fault)?,
    })
}

/// Fails if the server is read-only, for example after a switch to another primary. A new connection may
/// reach the new primary.
async fn check_writable(client: &Client) -> Result<(), Fault> {
    let answer = client.simple_query("SHOW transaction_read_only").await;
    let is_read_only = answer
        .map_err(fault)?
        .iter()
        .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on")));
    match is_read_only {
        true => Err(Fault::ReadOnly),
        false => Ok(()),
    }
}
