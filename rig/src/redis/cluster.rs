//! A Redis cluster.

use std::{thread, time::Duration};

use super::{
    Redis,
    config::{Mode, Setup},
    topology::View,
};
use crate::{Error, poll::poll_every};

const MASTERS: usize = 3;

const SLOTS: usize = 16_384;

/// A check sends several commands to each node, so it must not run too often.
const INTERVAL: Duration = Duration::from_millis(20);

/// Starting nodes wait two seconds by themselves. The rest is for a machine under load.
const FORMING: Duration = Duration::from_secs(60);

/// A running cluster of six nodes on this machine: three masters, each with one replica.
///
/// A node is identified by its index in [`nodes`](Cluster::nodes). At first, 0 to 2 are masters and 3 to 5 their
/// replicas. If a master ends, its replica replaces it within two or three seconds. From the detection of the failure
/// until then, the whole cluster refuses commands (`-CLUSTERDOWN`).
///
/// ```
/// use std::time::Duration;
/// use sessile_rig::redis::Cluster;
///
/// let mut cluster = Cluster::start()?;
/// let killed = cluster.kill_master_of("key")?;
///
/// let promoted = cluster.wait_for_promotion("key", Duration::from_secs(30))?;
///
/// assert_ne!(promoted, killed);
/// assert!(cluster.nodes()[promoted].command(&["SET", "key", "value"])?.is_ok());
/// # Ok::<(), sessile_rig::Error>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts the nodes, and waits until each node serves and every replica is in sync with its master.
    ///
    /// # Errors
    ///
    /// The errors of [`Redis::start`], and [`Error::TimedOut`] if the cluster does not form.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts the nodes with additional options of `redis-server` on their command lines.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Cluster::start).
    pub fn start_with(arguments: &[&str]) -> Result<Self, Error> {
        let cluster = Self {
            nodes: launch(arguments)?,
        };
        cluster.form()?;
        cluster.wait_until_whole(FORMING)?;
        Ok(cluster)
    }

    /// The URL of each node: `redis://127.0.0.1:4711`.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The nodes, for freezing, killing and restarting them.
    pub fn nodes_mut(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// The running masters that have slots.
    pub fn masters(&self) -> Vec<usize> {
        let has_slots = |view: View| view.myself().is_some_and(|it| !it.slots.is_empty());
        (0..self.nodes.len())
            .filter(|&node| View::of(&self.nodes[node]).is_some_and(has_slots))
            .collect()
    }

    /// The master that serves this key.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if no running master serves the key, because its replica is not promoted yet.
    pub fn master_of(&self, key: &str) -> Result<usize, Error> {
        let slot = self.slot_of(key)?;
        self.owner_of(slot)
            .ok_or_else(|| self.timed_out(&format!("a master of slot {slot}"), Duration::ZERO))
    }

    /// Kills the master that serves this key, and returns its index.
    ///
    /// # Errors
    ///
    /// The errors of [`master_of`](Cluster::master_of) and [`Redis::kill`].
    pub fn kill_master_of(&mut self, key: &str) -> Result<usize, Error> {
        let master = self.master_of(key)?;
        self.nodes[master].kill()?;
        Ok(master)
    }

    /// Waits until a running master serves this key and every running node knows it. Returns the index of the master.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that takes longer.
    pub fn wait_for_promotion(&self, key: &str, within: Duration) -> Result<usize, Error> {
        let slot = self.slot_of(key)?;
        self.wait(&format!("a promotion for slot {slot}"), within, || {
            self.owner_of(slot).filter(|_| self.is_agreed())
        })
    }

    /// Waits until all six nodes serve and agree on the owners of all slots, and every replica is in sync with its
    /// master. It is for use after a killed node was restarted, for example.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that takes longer.
    pub fn wait_until_whole(&self, within: Duration) -> Result<(), Error> {
        self.wait("the whole cluster", within, || {
            (self.is_agreed() && self.nodes.iter().all(is_in_sync)).then_some(())
        })
    }

    /// The slot of a key. If the key has braces, their content decides.
    pub(super) fn slot_of(&self, key: &str) -> Result<u16, Error> {
        let slot = self.nodes.iter().find_map(|node| {
            let reply = node.query(&["CLUSTER", "KEYSLOT", key])?;
            u16::try_from(reply.integer()?).ok()
        });
        slot.ok_or_else(|| self.timed_out("a reply of any node", Duration::ZERO))
    }

    /// Waits until every running node serves, and all of them agree on the owners of all slots.
    pub(super) fn wait_until_agreed(&self, within: Duration) -> Result<(), Error> {
        self.wait("agreement of the nodes", within, || {
            self.is_agreed().then_some(())
        })
    }

    /// The node that claims the slot with the highest epoch. A node that was unreachable may claim it as well, until it
    /// learns of a newer owner.
    fn owner_of(&self, slot: u16) -> Option<usize> {
        let epoch = |node: &usize| {
            let view = View::of(&self.nodes[*node])?;
            let myself = view.myself()?;
            (myself.is_master && myself.has(slot)).then_some(myself.epoch)
        };
        (0..self.nodes.len())
            .filter_map(|node| Some((epoch(&node)?, node)))
            .max()
            .map(|(_, node)| node)
    }

    fn is_agreed(&self) -> bool {
        let views: Vec<View> = self.nodes.iter().filter_map(View::of).collect();
        let agree = |pair: &[View]| pair[0].owners() == pair[1].owners();
        !views.is_empty() && views.iter().all(|view| view.is_ok) && views.windows(2).all(agree)
    }

    /// Forms a cluster of nodes that don't know each other.
    fn form(&self) -> Result<(), Error> {
        for (index, node) in self.nodes[..MASTERS].iter().enumerate() {
            let (first, next) = (SLOTS * index / MASTERS, SLOTS * (index + 1) / MASTERS);
            let last = (next - 1).to_string();
            node.require(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
            node.require(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last])?;
        }
        for node in &self.nodes[1..] {
            let (port, bus) = (node.port().to_string(), node.bus_port().to_string());
            self.nodes[0].require(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        self.wait("all nodes to know each other", FORMING, || {
            self.nodes
                .iter()
                .all(|node| self.knows_all(node))
                .then_some(())
        })?;
        for (master, replica) in self.nodes.iter().zip(&self.nodes[MASTERS..]) {
            let id = master.id()?;
            replica.require(&["CLUSTER", "REPLICATE", &id])?;
        }
        Ok(())
    }

    fn knows_all(&self, node: &Redis) -> bool {
        View::of(node).is_some_and(|view| {
            view.members.len() == self.nodes.len() && view.members.iter().all(|it| it.is_healthy)
        })
    }

    fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        mut check: impl FnMut() -> Option<T>,
    ) -> Result<T, Error> {
        poll_every(INTERVAL, within, || Ok(check()))?.ok_or_else(|| self.timed_out(what, within))
    }

    /// The error has the view of each node in place of a log.
    fn timed_out(&self, awaited: &str, within: Duration) -> Error {
        let views: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("{}: {:?}", node.port(), View::of(node)))
            .collect();
        Error::TimedOut {
            program: "the Redis cluster".to_owned(),
            awaited: awaited.to_owned(),
            within,
            log: views.join("\n"),
        }
    }
}

impl Redis {
    /// The id of the node in the cluster.
    pub(super) fn id(&self) -> Result<String, Error> {
        let reply = self.require(&["CLUSTER", "MYID"])?;
        Ok(reply.text().unwrap_or_default().into_owned())
    }
}

fn launch(arguments: &[&str]) -> Result<Vec<Redis>, Error> {
    let setup = Setup {
        mode: Mode::Cluster,
        arguments,
        ..Setup::default()
    };
    thread::scope(|scope| {
        let starts = [(); 2 * MASTERS].map(|()| scope.spawn(|| Redis::launch(&setup)));
        starts
            .into_iter()
            .map(|start| {
                start
                    .join()
                    .unwrap_or_else(|it| std::panic::resume_unwind(it))
            })
            .collect()
    })
}

/// Whether a master has a replica in sync, or a replica is in sync with its master.
fn is_in_sync(node: &Redis) -> bool {
    node.query_text(&["INFO", "replication"])
        .is_some_and(|info| {
            info.lines()
                .any(|it| it == "connected_slaves:1" || it == "master_link_status:up")
        })
}
