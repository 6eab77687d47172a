//! A Redis master with a replica, and the sentinels that watch them.

use std::{borrow::Cow, time::Duration};

use super::{
    Redis, Reply,
    config::{Mode, Setup, USER},
};
use crate::{Error, poll::poll_every};

const MASTER_NAME: &str = "sessile";

/// How many sentinels have to agree that a master is down.
const QUORUM: usize = 2;

const SENTINELS: usize = 3;

/// A look asks each server, and must not keep two cores busy with that.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes a second or two; the rest is for a machine under load.
const FORMING: Duration = Duration::from_secs(60);

/// A running master with one replica, and three sentinels that watch them.
///
/// A server is named by its index in [`servers`](Sentinel::servers). At first, 0 is the master. When it dies,
/// the sentinels notice after a second, and make the replica the master within another two or three.
///
/// ```
/// use std::time::Duration;
/// use sessile_rig::redis::Sentinel;
///
/// let mut sentinel = Sentinel::start()?;
/// sentinel.kill_master()?;
///
/// let master = sentinel.wait_for_failover(Duration::from_secs(30))?;
///
/// assert_eq!(sentinel.master_port()?, sentinel.servers()[master].port());
/// # Ok::<(), sessile_rig::Error>(())
/// ```
#[derive(Debug)]
pub struct Sentinel {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl Sentinel {
    /// Starts all five, and waits until the sentinels know each other and the replica is in step.
    ///
    /// # Errors
    ///
    /// As [`Redis::start`], and [`Error::TimedOut`] if the sentinels don't find each other.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts the master and the replica with options of `redis-server`'s on their command lines.
    ///
    /// # Errors
    ///
    /// As [`start`](Sentinel::start).
    pub fn start_with(arguments: &[&str]) -> Result<Self, Error> {
        let master = Redis::start_with(arguments)?;
        let replica = Redis::launch(&Setup {
            arguments,
            lines: &[format!("replicaof 127.0.0.1 {}", master.port())],
            ..Setup::default()
        })?;
        let sentinels = (0..SENTINELS)
            .map(|_| launch_sentinel(master.port()))
            .collect::<Result<_, _>>()?;
        let sentinel = Self {
            servers: vec![master, replica],
            sentinels,
        };
        sentinel.wait_until_whole(FORMING)?;
        Ok(sentinel)
    }

    /// Where the sentinels listen: `redis://127.0.0.1:4711` for each.
    pub fn sentinel_urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Redis::url).collect()
    }

    /// What the sentinels call the master.
    pub fn master_name(&self) -> &str {
        MASTER_NAME
    }

    /// The port of the master, as the first sentinel that runs has it.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if no sentinel answers.
    pub fn master_port(&self) -> Result<u16, Error> {
        self.sentinels
            .iter()
            .find_map(master_port_by)
            .ok_or_else(|| self.timed_out("the master's address", Duration::ZERO))
    }

    /// The master and the replica, to look into.
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// The master and the replica, to freeze, kill and restart.
    pub fn servers_mut(&mut self) -> &mut [Redis] {
        &mut self.servers
    }

    /// The sentinels, to look into.
    pub fn sentinels(&self) -> &[Redis] {
        &self.sentinels
    }

    /// The sentinels, to freeze, kill and restart.
    pub fn sentinels_mut(&mut self) -> &mut [Redis] {
        &mut self.sentinels
    }

    /// Kills the master, and says which server it was.
    ///
    /// # Errors
    ///
    /// As [`master_port`](Sentinel::master_port) and [`Redis::kill`].
    pub fn kill_master(&mut self) -> Result<usize, Error> {
        let port = self.master_port()?;
        let master = self.servers.iter().position(|it| it.port() == port);
        let master =
            master.ok_or_else(|| self.timed_out("a master of this guard's", Duration::ZERO))?;
        self.servers[master].kill()?;
        Ok(master)
    }

    /// Waits until a server that runs is the master and every sentinel that runs says so, and says which it is.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that doesn't come.
    pub fn wait_for_failover(&self, within: Duration) -> Result<usize, Error> {
        self.wait("a failover", within, || {
            let told = self.told_master()?;
            let master = |it: &Redis| it.port() == told && has_role(it, "master");
            self.servers.iter().position(master)
        })
    }

    /// Waits until all three sentinels know each other and a master, with the other server as its replica and in step:
    /// after a killed server was restarted, say.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that doesn't come.
    pub fn wait_until_whole(&self, within: Duration) -> Result<(), Error> {
        self.wait("a whole set of servers", within, || {
            (self.sentinels.iter().all(knows_all) && self.is_in_step()).then_some(())
        })
    }

    /// The port of the master, if all sentinels that run say the same.
    fn told_master(&self) -> Option<u16> {
        let mut told = self.sentinels.iter().filter_map(master_port_by);
        let first = told.next()?;
        told.all(|port| port == first).then_some(first)
    }

    /// Whether the master is who the sentinels say, and the other server follows it: asked of the servers themselves,
    /// as what a sentinel heard may be old.
    fn is_in_step(&self) -> bool {
        let Some(master) = self.told_master() else {
            return false;
        };
        self.servers.iter().all(|server| {
            if server.port() == master {
                has_role(server, "master")
            } else {
                follows(server, master)
            }
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

    /// With the sentinels' logs.
    fn timed_out(&self, awaited: &str, within: Duration) -> Error {
        let logs: Vec<String> = self.sentinels.iter().map(Redis::output).collect();
        Error::TimedOut {
            program: "the Redis sentinels".to_owned(),
            awaited: awaited.to_owned(),
            within,
            log: logs.join("\n"),
        }
    }
}

fn launch_sentinel(master_port: u16) -> Result<Redis, Error> {
    let sentinel = Redis::launch(&Setup {
        mode: Mode::Sentinel,
        lines: &[
            format!("sentinel monitor {MASTER_NAME} 127.0.0.1 {master_port} {QUORUM}"),
            // A master that is only slow on a machine under load is not to be replaced.
            format!("sentinel down-after-milliseconds {MASTER_NAME} 1000"),
            format!("sentinel failover-timeout {MASTER_NAME} 2000"),
            format!("sentinel auth-user {MASTER_NAME} {USER}"),
            format!("sentinel auth-pass {MASTER_NAME} -"),
        ],
        ..Setup::default()
    })?;
    // What is meant for networks: they introduce themselves every two seconds, look for replicas every ten, and do nothing
    // for thirty after they were slow (`TILT`). And they connect again to a lost server only once in a ping's period,
    // which has to be far below the time that makes a server count as down: or a new master that has just
    // disconnected everybody is taken for dead, and replaced by the old one. But five of a ping's periods have to be more
    // than the second that passes between two looks at a replica while its master is down: what was heard of it before
    // that counts for nothing, and without a replica that is known to be good the failover is put off.
    let periods = [
        ("PING-PERIOD", "250"),
        ("PUBLISH-PERIOD", "200"),
        ("INFO-PERIOD", "200"),
        ("TILT-PERIOD", "1000"),
    ];
    for (period, milliseconds) in periods {
        sentinel.require(&["SENTINEL", "DEBUG", period, milliseconds])?;
    }
    Ok(sentinel)
}

/// Whether a sentinel knows the others and the replica, and the replica is in step.
fn knows_all(sentinel: &Redis) -> bool {
    let master = sentinel.look(&["SENTINEL", "MASTER", MASTER_NAME]);
    let replicas = sentinel.look(&["SENTINEL", "REPLICAS", MASTER_NAME]);
    let (Some(master), Some(replicas)) = (master, replicas) else {
        return false;
    };
    let others = (SENTINELS - 1).to_string();
    field(&master, "flags") == Some("master".into())
        && field(&master, "num-other-sentinels") == Some(others.into())
        && replicas.items().iter().any(|replica| {
            field(replica, "flags") == Some("slave".into())
                && field(replica, "master-link-status") == Some("ok".into())
        })
}

fn master_port_by(sentinel: &Redis) -> Option<u16> {
    let address = sentinel.look(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME])?;
    address.items().get(1)?.text()?.parse().ok()
}

fn has_role(server: &Redis, role: &str) -> bool {
    server
        .look(&["ROLE"])
        .is_some_and(|it| it.items().first() == Some(&Reply::from(role)))
}

/// A replica's role is `slave <host> <port> <state> <offset>`.
fn follows(server: &Redis, master: u16) -> bool {
    server.look(&["ROLE"]).is_some_and(|role| {
        let master = Reply::Integer(master.into());
        matches!(role.items(), [_, _, port, state, ..]
            if *port == master && *state == Reply::from("connected"))
    })
}

/// A value in a list of names and values.
fn field<'a>(reply: &'a Reply, name: &str) -> Option<Cow<'a, str>> {
    let pairs = reply.items().chunks_exact(2);
    let mut found = pairs.filter(|pair| pair[0].text().as_deref() == Some(name));
    found.next()?[1].text()
}
