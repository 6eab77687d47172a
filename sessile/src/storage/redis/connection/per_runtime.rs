//! [`PerRuntime`]: a connection for each runtime, which means each worker thread of Actix Web.
//!
//! A reply wakes the task that waits for it. Across threads, that costs more than the request itself, and a handler that
//! blocks its thread would delay the requests of all other threads.

use std::sync::{Arc, PoisonError, RwLock};

use super::{
    super::{
        backoff::Backoff,
        location::{Endpoint, Host},
    },
    Connector,
    shared::{Route, SharedConnection, Target},
};
use crate::storage::home::Home;

/// Connections to the same target, one for each runtime that sends over them.
pub(super) struct PerRuntime {
    route: Arc<Route>,
    connections: RwLock<Vec<(Home, SharedConnection)>>,
}

impl PerRuntime {
    pub(super) fn to_server(
        connector: Arc<Connector>,
        endpoint: Endpoint,
        backoff: Backoff,
    ) -> Self {
        Self::to(connector, Target::Server(endpoint), backoff)
    }

    pub(super) fn to_master(
        connector: Arc<Connector>,
        hosts: Vec<Host>,
        name: String,
        backoff: Backoff,
    ) -> Self {
        let name = name.into();
        Self::to(connector, Target::Master { hosts, name }, backoff)
    }

    fn to(connector: Arc<Connector>, target: Target, backoff: Backoff) -> Self {
        let route = Route {
            connector,
            target,
            backoff,
        };
        Self {
            route: Arc::new(route),
            connections: RwLock::default(),
        }
    }

    /// The connection of the current runtime.
    pub(super) fn here(&self) -> SharedConnection {
        let connections = self
            .connections
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let found = connections.iter().find(|(home, _)| home.is_here());
        match found {
            Some((_, connection)) => connection.clone(),
            None => {
                drop(connections);
                self.add()
            }
        }
    }

    /// Adds a connection for the current runtime, unless another of its threads has added one. Removes the
    /// connections of runtimes that have ended.
    fn add(&self) -> SharedConnection {
        let mut connections = self
            .connections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        connections.retain_mut(|(home, _)| home.is_alive());
        let found = connections.iter().find(|(home, _)| home.is_here());
        if let Some((_, connection)) = found {
            return connection.clone();
        }
        let connection = SharedConnection::to(Arc::clone(&self.route));
        connections.push((Home::here(), connection.clone()));
        connection
    }
}
