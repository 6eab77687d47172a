//! [`Cluster`]: requests to the nodes that serve their slots.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    super::{
        error::{Fault, Redirect},
        location::{Endpoint, Host},
        pauses::Pauses,
        script::{Action, Request},
        slot::slot_of,
    },
    Asking, Deadline, Dialer, Reply,
    link::Link,
    links::Links,
    topology::Topology,
};

/// How many nodes a request may be sent to, one after another.
const MAX_HOPS: u32 = 16;

/// How long to wait while a slot's keys are on the way to another node.
const PASSING: Duration = Duration::from_millis(10);

/// How long what a node told about the slots is taken as it is.
const FRESH: Duration = Duration::from_millis(100);

/// A cluster, found by some of its nodes.
pub(super) struct Cluster {
    dialer: Arc<Dialer>,
    seeds: Vec<Host>,
    pauses: Pauses,
    topology: Mutex<Arc<Topology>>,
    links: Mutex<HashMap<Host, Links>>,
    /// When the nodes were last asked for the topology. Held by who asks, so that a failure is not
    /// followed by a thousand questions.
    asked_at: tokio::sync::Mutex<Option<Instant>>,
}

impl Cluster {
    pub(super) fn new(dialer: Arc<Dialer>, seeds: Vec<Host>, pauses: Pauses) -> Self {
        Self {
            dialer,
            seeds,
            pauses,
            topology: Mutex::default(),
            links: Mutex::default(),
            asked_at: tokio::sync::Mutex::default(),
        }
    }

    /// Finds the nodes, if that has not been done.
    pub(super) async fn prove(self: &Arc<Self>, deadline: Deadline) -> Result<(), Fault> {
        self.refresh(self.topology(), deadline).await.map(drop)
    }

    /// Sends `request` to the node that serves its keys, and on to wherever that node says. When a
    /// node fails, to the one that took its place, if there is one by now.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Reply, Fault> {
        let slot = slot_of(request.key.as_bytes());
        let mut repeated = false;
        let mut cut_before = false;
        let mut redirected = None;
        for _ in 0..MAX_HOPS {
            let topology = self.topology();
            let (host, asking) = match redirected.take() {
                Some(elsewhere) => elsewhere,
                None => match topology.owner(slot) {
                    Some(host) => (host.clone(), Asking::No),
                    None => {
                        let newer = self.refresh(Arc::clone(&topology), deadline).await?;
                        let host = newer.owner(slot).ok_or(Fault::UnservedSlot)?;
                        (host.clone(), Asking::No)
                    }
                },
            };
            let fault = match self.link(&host).send(request, asking, deadline).await {
                Ok(answer) => return Ok(answer.into_reply(repeated)),
                Err(fault) => fault,
            };
            repeated |= fault.may_have_happened();
            match fault.redirect() {
                Some(Redirect::Moved(address)) => {
                    let host = host.redirected(address)?;
                    self.learn(slot, &host);
                    redirected = Some((host, Asking::No));
                }
                Some(Redirect::Ask(address)) => {
                    redirected = Some((host.redirected(address)?, Asking::Yes));
                }
                None if fault.is_passing() => {
                    deadline.bound(tokio::time::sleep(PASSING)).await?;
                }
                None if fault.concerns_node() => {
                    let Ok(newer) = self.refresh(topology, deadline).await else {
                        return Err(fault);
                    };
                    let same_owner = newer.owner(slot) == Some(&host);
                    if same_owner && (cut_before || !fault.ends_connection()) {
                        return Err(fault);
                    }
                    cut_before |= same_owner;
                }
                None => return Err(fault),
            }
        }
        Err(Fault::TooManyRedirects)
    }

    fn topology(&self) -> Arc<Topology> {
        Arc::clone(&lock(&self.topology))
    }

    /// A node said that `slot` is at `host`. That is likely not the only one to have moved.
    fn learn(&self, slot: u16, host: &Host) {
        let mut topology = lock(&self.topology);
        *topology = Arc::new(topology.with(slot, host));
        drop(topology);
        self.forget();
    }

    /// Another node serves a slot: whatever the one before still tells, it is not the last word.
    fn forget(&self) {
        if let Some(near) = self.dialer.near() {
            near.clear();
        }
    }

    fn link(&self, host: &Host) -> Link {
        let mut links = lock(&self.links);
        let links = links.entry(host.clone()).or_insert_with(|| {
            let endpoint = Endpoint::Tcp(host.clone());
            Links::to_server(Arc::clone(&self.dialer), endpoint, self.pauses)
        });
        links.here()
    }

    /// Who serves which slots now, if somebody tells within `deadline`. Goes on when nobody waits
    /// any longer, for the sake of the next request.
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

    /// Asks one node after another. Who comes while somebody else was asking, or shortly after,
    /// takes what that one was told.
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
            // So that there is time left for others when one hangs.
            let asked = self.ask(host, Deadline::after(limit / 3)).await;
            *asked_at = Some(Instant::now());
            match asked {
                Ok(topology) => {
                    let topology = Arc::new(topology);
                    lock(&self.links).retain(|host, _| topology.has(host));
                    *lock(&self.topology) = Arc::clone(&topology);
                    if topology != current {
                        self.forget();
                    }
                    return Ok(topology);
                }
                Err(fault) => cause = fault,
            }
        }
        Err(cause)
    }

    async fn ask(&self, host: &Host, deadline: Deadline) -> Result<Topology, Fault> {
        let question = Request {
            key: "",
            action: Action::Slots,
        };
        let answer = self
            .link(host)
            .send(&question, Asking::No, deadline)
            .await?;
        Topology::parse(&answer.value, host).ok_or(Fault::UnexpectedReply)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
