//! [`Own`]: the connections that a store opens itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    super::{
        catalog::Catalog,
        statements::{Call, Purpose, Rows, Statements},
    },
    connect::Connector,
    execute, execute_locked,
};
use crate::storage::{
    credentials::CredentialsSource,
    shared_connection::PerRuntime,
    sql::{self, Fault, Limits, Table},
    takeover::Takeover,
    timing::Deadline,
};

/// Up to four connections for each runtime. A commit that waits delays no read, and neither waits for a
/// clean-up or for a sign-in that is locked.
pub(in super::super) struct Own {
    /// Those of each [`Purpose`], in the order of [`Purpose::ALL`].
    connections: [PerRuntime<Connector>; Purpose::ALL.len()],
    takeover: Takeover,
    is_closed: Arc<AtomicBool>,
}

impl Own {
    /// Connections that are opened when they are needed.
    pub(in super::super) fn new(
        configs: &[Config],
        tls: &MakeRustlsConnect,
        credentials: Option<&CredentialsSource>,
        statements: &Arc<Statements>,
        limits: Limits,
        behind_pooler: bool,
    ) -> Self {
        let is_closed = Arc::new(AtomicBool::new(false));
        let connections = |purpose| {
            PerRuntime::new(Connector {
                purpose,
                configs: configs.to_vec(),
                tls: tls.clone(),
                credentials: credentials.cloned(),
                timeout: limits.connect_timeout,
                statements: Arc::clone(statements),
                behind_pooler,
                is_closed: Arc::clone(&is_closed),
            })
        };
        Self {
            connections: Purpose::ALL.map(connections),
            takeover: Takeover::default(),
            is_closed,
        }
    }

    /// Closes the connections after the statements that are in flight.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.disconnect();
    }

    fn connections(&self, purpose: Purpose) -> &PerRuntime<Connector> {
        &self.connections[purpose as usize]
    }

    pub(super) async fn open(
        &self,
        tables: &[Table; 2],
        create_tables: bool,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let shared = self.connections(Purpose::Maintain).here();
        shared.prove().await.map_err(Fault::not_connected)?;
        let in_flight = shared.begin(deadline).await?;
        let mut catalog = Catalog::new(&in_flight.handle.client);
        let opened = deadline.bound(sql::open(&mut catalog, tables, create_tables));
        let opened = opened
            .await
            .unwrap_or_else(|timed_out| Err(timed_out.into()));
        // This runtime may never use the connection again.
        in_flight.broken();
        opened
    }

    /// Executes a statement. Closes all connections at a [`Takeover`].
    pub(super) async fn attempt(&self, call: &Call<'_>, deadline: Deadline) -> Result<Rows, Fault> {
        let was_expected = self.takeover.is_expected();
        let result = self.execute(call, deadline).await;
        let closes_all = match &result {
            Ok(_) => call.statement.is_write() && self.takeover.executed(was_expected),
            Err(Fault::ReadOnly) => self.takeover.refused(),
            Err(fault) => {
                // The store could not connect. Its open connections still execute reads.
                if fault.is_read_only() {
                    self.takeover.expect();
                }
                false
            }
        };
        if closes_all {
            self.disconnect();
        }
        result
    }

    /// Closes all connections. Later statements open new ones, unless the store was closed.
    fn disconnect(&self) {
        self.connections.iter().for_each(PerRuntime::close);
    }

    async fn execute(&self, call: &Call<'_>, deadline: Deadline) -> Result<Rows, Fault> {
        let shared = self.connections(call.statement.purpose).here();
        let in_flight = shared.begin(deadline).await?;
        let result = {
            let connection = &in_flight.handle;
            let (client, prepared) = (&connection.client, connection.prepared(&call.statement));
            match call.lock {
                None => deadline.bound(execute(client, prepared, call)).await?,
                Some(lock) => {
                    let executing = execute_locked(client, lock, prepared, call);
                    let executing = Box::pin(connection.without_interruption(executing));
                    deadline.bound(executing).await?
                }
            }
        };
        match &result {
            Err(fault) if fault.ends_connection() => in_flight.broken(),
            _ => in_flight.answered(),
        }
        result
    }
}
