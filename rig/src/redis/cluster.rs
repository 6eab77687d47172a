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

/// A look asks each node several questions, and must not keep two cores busy with that.
const PAUSE: Duration = Duration::from_millis(20);

/// Nodes that come up wait two seconds by themselves; the rest is for a machine under load.
const FORMING: Duration = Duration::from_secs(60);

/// A running cluster of six nodes on this machine: three masters, each with a replica.
///
/// A node is named by its index in [`nodes`](Cluster::nodes). At first, 0 to 2 are masters and 3 to 5 their replicas.
/// A master that dies is replaced by its replica within two or three seconds; until then, the whole cluster refuses
/// to serve (`-CLUSTERDOWN`) as soon as it has noticed.
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
    /// Starts the nodes, and waits until each one serves and every replica is in step with its master.
    ///
    /// # Errors
    ///
    /// As [`Redis::start`], and [`Error::TimedOut`] if the cluster doesn't form.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts the nodes with options of `redis-server`'s on their command lines.
    ///
    /// # Errors
    ///
    /// As [`start`](Cluster::start).
    pub fn start_with(arguments: &[&str]) -> Result<Self, Error> {
        let cluster = Self {
            nodes: launch(arguments)?,
        };
        cluster.form()?;
        cluster.wait_until_whole(FORMING)?;
        Ok(cluster)
    }

    /// Where the nodes listen: `redis://127.0.0.1:4711` for each.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The nodes, to look into.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The nodes, to freeze, kill and restart.
    pub fn nodes_mut(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// The masters that run and have slots.
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
    /// [`Error::TimedOut`] if there is none: it is down, and its replica was not promoted yet.
    pub fn master_of(&self, key: &str) -> Result<usize, Error> {
        let slot = self.slot_of(key)?;
        self.owner_of(slot)
            .ok_or_else(|| self.timed_out(&format!("a master of slot {slot}"), Duration::ZERO))
    }

    /// Kills the master that serves this key, and says which it was.
    ///
    /// # Errors
    ///
    /// As [`master_of`](Cluster::master_of) and [`Redis::kill`].
    pub fn kill_master_of(&mut self, key: &str) -> Result<usize, Error> {
        let master = self.master_of(key)?;
        self.nodes[master].kill()?;
        Ok(master)
    }

    /// Waits until a master that runs serves this key and every node that runs knows it, and says which it is.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that doesn't come.
    pub fn wait_for_promotion(&self, key: &str, within: Duration) -> Result<usize, Error> {
        let slot = self.slot_of(key)?;
        self.wait(&format!("a promotion for slot {slot}"), within, || {
            self.owner_of(slot).filter(|_| self.is_agreed())
        })
    }

    /// Waits until all six nodes serve, agree on who serves what, and every replica is in step with its master:
    /// after a killed node was restarted, say.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that doesn't come.
    pub fn wait_until_whole(&self, within: Duration) -> Result<(), Error> {
        self.wait("the whole cluster", within, || {
            (self.is_agreed() && self.nodes.iter().all(is_in_step)).then_some(())
        })
    }

    /// The slot of a key: what is in its braces, if it has any, decides.
    pub(super) fn slot_of(&self, key: &str) -> Result<u16, Error> {
        let living = self.nodes.iter().find_map(|node| {
            let reply = node.look(&["CLUSTER", "KEYSLOT", key])?;
            u16::try_from(reply.integer()?).ok()
        });
        living.ok_or_else(|| self.timed_out("an answer of any node", Duration::ZERO))
    }

    /// Waits until every node that runs serves, and all of them agree on who serves what.
    pub(super) fn wait_until_agreed(&self, within: Duration) -> Result<(), Error> {
        self.wait("an agreement of the nodes", within, || {
            self.is_agreed().then_some(())
        })
    }

    /// The node that says itself that it serves the slot. One that was away may think so too, until it hears
    /// of a newer one.
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

    /// Makes a cluster of nodes that don't know each other.
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
        self.wait("all nodes knowing each other", FORMING, || {
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
            view.members.len() == self.nodes.len() && view.members.iter().all(|it| it.is_well)
        })
    }

    fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, Error> {
        poll_every(PAUSE, within, || Ok(look()))?.ok_or_else(|| self.timed_out(what, within))
    }

    /// With what each node sees instead of a log.
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
    /// What the other nodes call it.
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

/// Whether a master has a replica that is in step, or a replica is in step itself.
fn is_in_step(node: &Redis) -> bool {
    node.look_at_text(&["INFO", "replication"])
        .is_some_and(|info| {
            info.lines()
                .any(|it| it == "connected_slaves:1" || it == "master_link_status:up")
        })
}
