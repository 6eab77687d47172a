//! A Redis master with a replica, and the sentinels that monitor them.

mod queries;

use std::time::Duration;

use self::queries::{has_role, knows_all, master_port_by, replicates};
use super::{
    Redis,
    config::{Mode, PEER, Setup, USER},
};
use crate::{Error, poll::poll_every, proxy::Proxy};

pub(super) const MASTER_NAME: &str = "sessile";

/// The number of sentinels that have to agree that a master is down.
const QUORUM: usize = 2;

const SENTINELS: usize = 3;

/// A check sends commands to each server, so it must not run too often.
const INTERVAL: Duration = Duration::from_millis(20);

/// It takes a second or two. The rest is for a machine under load.
const FORMING: Duration = Duration::from_secs(60);

/// A running master with one replica, and three sentinels that monitor them.
///
/// A server is identified by its index in [`servers`](Sentinel::servers). At first, 0 is the master. When it ends, the
/// sentinels detect this after a second, and promote the replica within another two or three seconds.
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
    /// Through which others reach the servers, if a test needs them.
    proxies: Vec<Proxy>,
    sentinels: Vec<Redis>,
}

impl Sentinel {
    /// Starts all five servers, and waits until the sentinels know each other and the replica is in sync.
    ///
    /// # Errors
    ///
    /// The errors of [`Redis::start`], and [`Error::TimedOut`] if the sentinels don't find each other.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts the master and the replica with additional options of `redis-server` on their command lines.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Sentinel::start).
    pub fn start_with(arguments: &[&str]) -> Result<Self, Error> {
        Self::launch(arguments, |_| Ok(None))
    }

    /// Starts all servers such that clients, sentinels and the other server reach the master and the replica through
    /// [`proxies`](Sentinel::proxies).
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Sentinel::start) and [`Proxy::start`].
    pub fn start_behind_proxies(arguments: &[&str]) -> Result<Self, Error> {
        Self::launch(arguments, |server| {
            let proxy = Proxy::start(server.port())?;
            let port = proxy.port().to_string();
            server.require(&["CONFIG", "SET", "replica-announce-port", &port])?;
            Ok(Some(proxy))
        })
    }

    fn launch(
        arguments: &[&str],
        proxy_to: impl Fn(&Redis) -> Result<Option<Proxy>, Error>,
    ) -> Result<Self, Error> {
        let servers = vec![Redis::start_with(arguments)?, Redis::start_with(arguments)?];
        let proxies: Result<Option<Vec<_>>, Error> = servers.iter().map(proxy_to).collect();
        let mut sentinel = Self {
            servers,
            proxies: proxies?.unwrap_or_default(),
            sentinels: Vec::new(),
        };
        let master_port = sentinel.announced_port(0);
        let master = master_port.to_string();
        sentinel.servers[1].require(&["REPLICAOF", "127.0.0.1", &master])?;
        sentinel.sentinels = (0..SENTINELS)
            .map(|_| launch_sentinel(master_port))
            .collect::<Result<_, _>>()?;
        sentinel.wait_until_whole(FORMING)?;
        Ok(sentinel)
    }

    /// Cuts a server off from the other server and from the sentinels, but not from clients. It needs
    /// [`start_behind_proxies`](Sentinel::start_behind_proxies), and [`Proxy::resume`] ends it.
    ///
    /// # Panics
    ///
    /// If there are no proxies.
    pub fn isolate(&self, server: usize) {
        self.proxies[server].isolate(PEER);
    }

    /// The proxies through which the servers are reached, in the same order.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The port of a server that others know.
    fn announced_port(&self, server: usize) -> u16 {
        let proxy = self.proxies.get(server);
        proxy.map_or_else(|| self.servers[server].port(), Proxy::port)
    }

    /// The server that others know by this port.
    fn server_on(&self, port: u16) -> Option<usize> {
        (0..self.servers.len()).find(|&server| self.announced_port(server) == port)
    }

    /// The URL of each sentinel: `redis://127.0.0.1:4711`.
    pub fn sentinel_urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Redis::url).collect()
    }

    /// The sentinels' name of the master.
    pub fn master_name(&self) -> &str {
        MASTER_NAME
    }

    /// The port of the master, as the first running sentinel reports it.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if no sentinel replies.
    pub fn master_port(&self) -> Result<u16, Error> {
        self.sentinels
            .iter()
            .find_map(master_port_by)
            .ok_or_else(|| self.timed_out("the master's address", Duration::ZERO))
    }

    /// The master and the replica.
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// The master and the replica, for freezing, killing and restarting them.
    pub fn servers_mut(&mut self) -> &mut [Redis] {
        &mut self.servers
    }

    /// The sentinels.
    pub fn sentinels(&self) -> &[Redis] {
        &self.sentinels
    }

    /// The sentinels, for freezing, killing and restarting them.
    pub fn sentinels_mut(&mut self) -> &mut [Redis] {
        &mut self.sentinels
    }

    /// Kills the master, and returns its index.
    ///
    /// # Errors
    ///
    /// The errors of [`master_port`](Sentinel::master_port) and [`Redis::kill`].
    pub fn kill_master(&mut self) -> Result<usize, Error> {
        let port = self.master_port()?;
        let master = self.server_on(port).ok_or_else(|| {
            self.timed_out("a master among the servers of this guard", Duration::ZERO)
        })?;
        self.servers[master].kill()?;
        Ok(master)
    }

    /// Waits until a running server is the master and every running sentinel reports it. Returns the index of the master.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that takes longer.
    pub fn wait_for_failover(&self, within: Duration) -> Result<usize, Error> {
        self.wait("a failover", within, || {
            let reported = self.reported_master()?;
            let master = self.server_on(reported)?;
            has_role(&self.servers[master], "master").then_some(master)
        })
    }

    /// Waits until all three sentinels know each other and a master, and the other server is its replica and in sync. It
    /// is for use after a killed server was restarted, for example.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if that takes longer.
    pub fn wait_until_whole(&self, within: Duration) -> Result<(), Error> {
        self.wait("all servers", within, || {
            (self.sentinels.iter().all(knows_all) && self.is_in_sync()).then_some(())
        })
    }

    /// The port of the master, if all running sentinels report the same one.
    fn reported_master(&self) -> Option<u16> {
        let mut reported = self.sentinels.iter().filter_map(master_port_by);
        let first = reported.next()?;
        reported.all(|port| port == first).then_some(first)
    }

    /// Whether the server that the sentinels report is the master, and the other server replicates it. It asks the
    /// servers, because the information of a sentinel may be outdated.
    fn is_in_sync(&self) -> bool {
        let Some(master) = self.reported_master() else {
            return false;
        };
        self.servers.iter().enumerate().all(|(index, server)| {
            if self.announced_port(index) == master {
                has_role(server, "master")
            } else {
                replicates(server, master)
            }
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

    /// The error has the logs of the sentinels.
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
            // A master that is slow on a machine under load must not be replaced.
            format!("sentinel down-after-milliseconds {MASTER_NAME} 1000"),
            format!("sentinel failover-timeout {MASTER_NAME} 2000"),
            format!("sentinel auth-user {MASTER_NAME} {USER}"),
            format!("sentinel auth-pass {MASTER_NAME} -"),
            // A test may set a password for the default user.
            format!("sentinel sentinel-user {USER}"),
            "sentinel sentinel-pass -".to_owned(),
        ],
        ..Setup::default()
    })?;
    // The defaults are for networks: a sentinel announces itself every two seconds, queries replicas every ten seconds,
    // and does nothing for thirty seconds after it was slow (`TILT`).
    //
    // A sentinel reconnects to a lost server once per ping period. This period has to be far below the time after which a
    // server counts as down. Otherwise a new master, which has just disconnected all its clients, counts as down and is
    // replaced by the old one.
    //
    // Five ping periods have to be longer than one second, the interval between two queries of a replica whose master is
    // down. Older information about a replica does not count, and without a replica that is known to be good the failover
    // is delayed.
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
