//! A subject that is ready to be measured.

use std::collections::BTreeMap;

use super::{float, server::Server, store::Store};
use crate::{
    load::{BEGIN, Crowd, until},
    results::{Rounds, Slice},
    subject::{Kind, Subject},
};

/// A server, and a crowd that sends requests to it.
pub(super) struct Stand {
    pub(super) subject: Subject,
    pub(super) crowd: Crowd,
    // Before its store, so that it ends first.
    pub(super) server: Server,
    pub(super) store: Store,
    pub(super) rounds: BTreeMap<Kind, Rounds>,
}

impl Stand {
    /// Starts a subject on an empty store, and begins a session for each visitor.
    pub(super) async fn start(subject: Subject, visitors: usize) -> anyhow::Result<Self> {
        let store = Store::start(subject)?;
        let server = Server::start(subject, &store, &[])?;
        let mut stand = Self::new(subject, store, server, visitors).await?;
        if subject.has_sessions() {
            stand.crowd.begin(BEGIN).await?;
        }
        Ok(stand)
    }

    /// Visitors without sessions, and a server that was started before.
    pub(super) async fn new(
        subject: Subject,
        store: Store,
        server: Server,
        visitors: usize,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            subject,
            crowd: Crowd::arrive(server.port, visitors).await?,
            server,
            store,
            rounds: BTreeMap::new(),
        })
    }

    /// Sends requests of this kind for this long. `None` if the server refused some of them, because a refusal is
    /// faster.
    pub(super) async fn slice(
        &mut self,
        kind: Kind,
        seconds: f64,
    ) -> anyhow::Result<Option<Slice>> {
        let before = self.server.processor_time()?;
        let visit = self.crowd.send(kind, until(seconds)).await?;
        let taken = self.server.processor_time()?.saturating_sub(before);
        let requests = visit.timing.requests();
        let slice = Slice {
            requests,
            processor_us: taken.as_secs_f64() * 1e6 / float(requests),
            throughput: visit.throughput(),
            p50_us: visit.timing.quantile(0.5),
            p99_us: visit.timing.quantile(0.99),
        };
        Ok((visit.refused == 0).then_some(slice))
    }
}
