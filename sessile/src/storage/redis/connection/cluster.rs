//! [`Cluster`]: requests to the nodes that serve their slots.
//!
//! The store itself finds the nodes of a cluster, and the master behind sentinels, instead of the `redis` crate. Its
//! connections fail fast and it knows which requests may be sent again, so one deadline bounds everything. If a node
//! fails, the other nodes are asked for the owner of its slots, by one request at a time and at most ten times per
//! second. After redirects they are asked in the background, once for all slots that move at about the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    super::{
        StoreError,
        error::Fault,
        location::{Endpoint, Host},
        request::Request,
        slot::slot_of,
        verdict::Verdict,
    },
    Asking, Connector, Deadline, PerRuntime, Reply, ServerConnector, Target, may_repeat,
    server::{self, SharedConnection},
    topology::Topology,
};
use crate::{
    storage::{lock::lock, takeover::Takeover},
    telemetry::{self, Redirect},
};

/// Maximum number of attempts of a request, not counting those before a wait for keys that move.
const MAX_HOPS: u32 = 16;

/// How long to wait while the keys of a slot move to another node.
const PASSING: Duration = Duration::from_millis(10);

/// How long an answer about the slots counts as current.
const FRESH: Duration = Duration::from_millis(100);

/// A cluster that is found by some of its nodes.
pub(super) struct Cluster {
    connector: Arc<Connector>,
    seeds: Vec<Host>,
    topology: Mutex<Arc<Topology>>,
    connections: Mutex<HashMap<Host, PerRuntime>>,
    /// When the nodes were last asked for the topology. The request that asks holds the lock, so that a
    /// failure does not make every request ask.
    asked_at: tokio::sync::Mutex<Option<Instant>>,
    /// When the nodes will be asked in the background.
    refresh_at: Mutex<Option<Instant>>,
}

impl Cluster {
    pub(super) fn new(connector: Arc<Connector>, seeds: Vec<Host>) -> Self {
        Self {
            connector,
            seeds,
            topology: Mutex::default(),
            connections: Mutex::default(),
            asked_at: tokio::sync::Mutex::default(),
            refresh_at: Mutex::default(),
        }
    }

    /// The masters, as the nodes report them now, and a number for the layout.
    pub(super) async fn masters(
        self: &Arc<Self>,
        deadline: Deadline,
    ) -> Result<(Vec<Host>, u64), Fault> {
        let topology = self.refresh(self.topology(), deadline).await?;
        let masters = topology.hosts().into_iter().cloned().collect();
        Ok((masters, topology.layout()))
    }

    /// Sends `request`, which concerns no key, to the node at `host`.
    pub(super) async fn send_to(
        &self,
        host: &Host,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Reply, Fault> {
        server::send(&self.connection(host), request, Asking::No, deadline).await
    }

    /// Sends `request` to the node that serves its key, and follows redirections. When a node fails, sends
    /// it to the node that has taken its place, if there is one and the request may be sent again.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Reply, StoreError> {
        let mut may_have_happened = false;
        match self
            .try_nodes(request, deadline, &mut may_have_happened)
            .await
        {
            Ok(reply) => Ok(Reply {
                repeated: may_have_happened,
                ..reply
            }),
            Err(fault) => Err(fault.into_error(may_have_happened)),
        }
    }

    /// Sends `request` to one node after another. `may_have_happened` becomes true if a node that gave no
    /// reply may have executed the request.
    async fn try_nodes(
        self: &Arc<Self>,
        request: &Request<'_>,
        deadline: Deadline,
        may_have_happened: &mut bool,
    ) -> Result<Reply, Fault> {
        let slot = slot_of(request.redis_key.as_bytes());
        let mut cut_before = false;
        let mut redirected = None;
        let mut hops = 0;
        while hops < MAX_HOPS {
            hops += 1;
            let mut topology = self.topology();
            let (host, asking) = match redirected.take() {
                Some(elsewhere) => elsewhere,
                None => {
                    if topology.owner(slot).is_none() {
                        topology = self.refresh(topology, deadline).await?;
                    }
                    let host = topology.owner(slot).ok_or(Fault::UnservedSlot)?;
                    (host.clone(), Asking::No)
                }
            };
            let connection = self.connection(&host);
            let fault = match server::send(&connection, request, asking, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            *may_have_happened |= fault.may_have_happened();
            match fault.verdict() {
                Verdict::Moved(address) => {
                    telemetry::redirected(Redirect::Moved);
                    let host = host.redirected(address)?;
                    self.learn(slot, &host, deadline.limit);
                    redirected = Some((host, Asking::No));
                }
                Verdict::Ask(address) => {
                    telemetry::redirected(Redirect::Ask);
                    redirected = Some((host.redirected(address)?, Asking::Yes));
                }
                Verdict::Moving => {
                    let passing = deadline.bound(tokio::time::sleep(PASSING)).await;
                    if passing.is_err() {
                        return Err(fault);
                    }
                    // A slot can move for longer than `MAX_HOPS` attempts take, so only the deadline bounds them.
                    hops = 0;
                }
                verdict if verdict.concerns_node() && may_repeat(request, &fault) => {
                    let Ok(newer) = self.refresh(topology, deadline).await else {
                        return Err(fault);
                    };
                    let same_owner = newer.owner(slot) == Some(&host);
                    if same_owner && (cut_before || !verdict.ends_connection()) {
                        return Err(fault);
                    }
                    cut_before |= same_owner;
                }
                _ => return Err(fault),
            }
        }
        Err(Fault::TooManyRedirects)
    }

    pub(super) fn close(&self) {
        let connections = std::mem::take(&mut *lock(&self.connections));
        connections.values().for_each(PerRuntime::close);
    }

    fn topology(&self) -> Arc<Topology> {
        Arc::clone(&lock(&self.topology))
    }

    /// Records that a node has redirected `slot` to `host`. Other slots may have moved as well.
    fn learn(self: &Arc<Self>, slot: u16, host: &Host, limit: Duration) {
        let mut topology = lock(&self.topology);
        *topology = Arc::new(topology.with(slot, host));
        drop(topology);

        let now = Instant::now();
        let mut refresh_at = lock(&self.refresh_at);
        if refresh_at.is_some_and(|at| now < at) {
            return;
        }
        *refresh_at = Some(now + FRESH);
        drop(refresh_at);
        self.clear_near_cache();
        let cluster = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(FRESH).await;
            let known = cluster.topology();
            // The slots of the redirects are known already.
            _ = Deadline::after(limit)
                .bound(cluster.ask_all(&known, limit))
                .await;
            cluster.clear_near_cache();
        });
    }

    /// Another node serves a slot. The invalidations of the previous node are no longer complete.
    fn clear_near_cache(&self) {
        if let Some(near_cache) = &self.connector.near_cache {
            near_cache.clear();
        }
    }

    fn connection(&self, host: &Host) -> SharedConnection {
        let mut connections = lock(&self.connections);
        let connections = connections.entry(host.clone()).or_insert_with(|| {
            let endpoint = Endpoint::Tcp(host.clone());
            PerRuntime::new(ServerConnector {
                connector: Arc::clone(&self.connector),
                // A cluster finds its masters by redirections.
                target: Target::Server(endpoint, Takeover::default()),
            })
        });
        connections.here()
    }

    /// The topology after asking the nodes, if one of them answers within `deadline`. If the caller is
    /// dropped, the task continues, for the next request.
    async fn refresh(
        self: &Arc<Self>,
        known: Arc<Topology>,
        deadline: Deadline,
    ) -> Result<Arc<Topology>, Fault> {
        let (cluster, limit) = (Arc::clone(self), deadline.limit);
        let asking = tokio::spawn(async move {
            let deadline = Deadline::after(limit);
            deadline.bound(cluster.ask_all(&known, limit)).await?
        });
        let asked = deadline.bound(asking).await?;
        asked.unwrap_or(Err(Fault::UnservedSlot))
    }

    /// Asks one node after another. A request that has waited for another one to ask, or that comes shortly
    /// after, uses that answer.
    async fn ask_all(
        &self,
        known: &Arc<Topology>,
        limit: Duration,
    ) -> Result<Arc<Topology>, Fault> {
        let mut asked_at = self.asked_at.lock().await;
        let current = self.topology();
        let fresh = asked_at.is_some_and(|at| at.elapsed() < FRESH);
        if fresh || !Arc::ptr_eq(&current, known) {
            return Ok(current);
        }
        let mut hosts: Vec<&Host> = known.hosts();
        fastrand::shuffle(&mut hosts);
        hosts.extend(&self.seeds);
        let mut cause = Fault::UnservedSlot;
        for host in hosts {
            // A node that hangs must not use the time of the others.
            let asked = self.ask(host, Deadline::after(limit / 3)).await;
            *asked_at = Some(Instant::now());
            match asked {
                Ok(topology) => {
                    let topology = Arc::new(topology);
                    lock(&self.connections).retain(|host, _| topology.has(host));
                    *lock(&self.topology) = Arc::clone(&topology);
                    if topology != current {
                        self.clear_near_cache();
                    }
                    return Ok(topology);
                }
                Err(fault) => cause = fault,
            }
        }
        Err(cause)
    }

    async fn ask(&self, host: &Host, deadline: Deadline) -> Result<Topology, Fault> {
        let question = Request::words("", &["CLUSTER", "SLOTS"]);
        let answer = self.send_to(host, &question, deadline).await?;
        Topology::parse(&answer.value, host).ok_or(Fault::UnexpectedReply)
    }
}
