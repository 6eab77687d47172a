//! [`PerRuntime`]: a connection for each runtime, which means each worker thread of Actix Web.
//!
//! A reply wakes the task that waits for it. Across threads, that costs more than the request itself, and a handler that
//! blocks its thread would delay the requests of all other threads.

use std::sync::{Arc, RwLock};

use super::{Connect, SharedConnection};
use crate::storage::{
    lock::{read, write},
    runtime::RuntimeAffinity,
};

/// Connections to the same server, one for each runtime that sends over them.
pub(in crate::storage) struct PerRuntime<C: Connect> {
    connector: Arc<C>,
    connections: RwLock<Vec<(RuntimeAffinity, SharedConnection<C>)>>,
}

impl<C: Connect> PerRuntime<C> {
    pub(in crate::storage) fn new(connector: C) -> Self {
        Self {
            connector: Arc::new(connector),
            connections: RwLock::default(),
        }
    }

    /// The connection of the current runtime.
    pub(in crate::storage) fn here(&self) -> SharedConnection<C> {
        let connections = read(&self.connections);
        let found = connections.iter().find(|(runtime, _)| runtime.is_here());
        match found {
            Some((_, connection)) => connection.clone(),
            None => {
                drop(connections);
                self.add()
            }
        }
    }

    #[cfg(feature = "redis-rs-session")]
    pub(in crate::storage) fn connector(&self) -> &C {
        &self.connector
    }

    /// Closes the connections of all runtimes. Requests open new ones, unless the store was closed before this call.
    pub(in crate::storage) fn close(&self) {
        for (_, connection) in read(&self.connections).iter() {
            connection.close();
        }
    }

    /// Adds a connection for the current runtime, unless another of its threads has added one. Removes the
    /// connections of runtimes that have ended.
    fn add(&self) -> SharedConnection<C> {
        let mut connections = write(&self.connections);
        connections.retain_mut(|(runtime, _)| runtime.is_alive());
        let found = connections.iter().find(|(runtime, _)| runtime.is_here());
        if let Some((_, connection)) = found {
            return connection.clone();
        }
        let connection = SharedConnection::new(Arc::clone(&self.connector));
        connections.push((RuntimeAffinity::here(), connection.clone()));
        connection
    }
}
