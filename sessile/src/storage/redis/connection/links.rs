//! [`Links`]: a connection for each runtime.

use std::sync::{Arc, PoisonError, RwLock};

use super::{
    super::{
        backoff::Backoff,
        location::{Endpoint, Host},
    },
    Dialer,
    link::{Link, Site, Target},
};
use crate::storage::home::Home;

/// Connections to the same target, one for each runtime that sends over them.
pub(super) struct Links {
    site: Arc<Site>,
    links: RwLock<Vec<(Home, Link)>>,
}

impl Links {
    pub(super) fn to_server(dialer: Arc<Dialer>, endpoint: Endpoint, backoff: Backoff) -> Self {
        Self::to(dialer, Target::Server(endpoint), backoff)
    }

    pub(super) fn to_master(
        dialer: Arc<Dialer>,
        hosts: Vec<Host>,
        name: String,
        backoff: Backoff,
    ) -> Self {
        let name = name.into();
        Self::to(dialer, Target::Master { hosts, name }, backoff)
    }

    fn to(dialer: Arc<Dialer>, target: Target, backoff: Backoff) -> Self {
        let site = Site {
            dialer,
            target,
            backoff,
        };
        Self {
            site: Arc::new(site),
            links: RwLock::default(),
        }
    }

    /// The connection of the current runtime.
    pub(super) fn here(&self) -> Link {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let found = links.iter().find(|(home, _)| home.is_here());
        match found {
            Some((_, link)) => link.clone(),
            None => {
                drop(links);
                self.add()
            }
        }
    }

    /// Adds a connection for the current runtime, unless another of its threads has added one. Removes the
    /// connections of runtimes that have ended.
    fn add(&self) -> Link {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.retain_mut(|(home, _)| home.is_alive());
        let found = links.iter().find(|(home, _)| home.is_here());
        if let Some((_, link)) = found {
            return link.clone();
        }
        let link = Link::to(Arc::clone(&self.site));
        links.push((Home::here(), link.clone()));
        link
    }
}
