//! [`Sentinels`]: the server that sentinels name as the master.
//!
//! Each sentinel has an epoch for what it says about the master, and every failover has a higher one. A sentinel
//! that was cut off together with the old master still names that master. So the report with the highest epoch of
//! all sentinels counts.

mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use redis::{AsyncConnectionConfig, ProtocolVersion, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch::Receiver, watch::Sender},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    super::{
        error::Fault,
        location::{Endpoint, Host},
    },
    Connector, RawConnection,
};
use crate::storage::lock::lock;

/// The sentinels that watch a master.
pub(super) struct Sentinels {
    shared: Arc<Shared>,
    watcher: Mutex<Option<AbortHandle>>,
}

struct Shared {
    connector: Arc<Connector>,
    hosts: Vec<Host>,
    /// Their name of the master.
    name: Arc<str>,
    reports: Sender<MasterReports>,
    /// Notified when replies of the master indicate a failover.
    doubt: Notify,
}

/// The last report of each sentinel, in the order of the hosts.
#[derive(Debug, Default)]
struct MasterReports(Vec<Option<MasterReport>>);

/// What a sentinel replies about the master.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MasterReport {
    epoch: u64,
    master: Host,
}

impl MasterReports {
    fn master(&self) -> Option<&Host> {
        let reports = self.0.iter().flatten();
        let newest = reports.max_by_key(|report| report.epoch);
        newest.map(|report| &report.master)
    }
}

/// The master that a connection leads to, with the later reports of the sentinels.
pub(super) struct Followed {
    master: Host,
    reports: Receiver<MasterReports>,
    watcher: AbortHandle,
}

impl Followed {
    /// Whether another server is the master now, or this one is no longer followed: the runtime of the watcher has
    /// ended.
    pub(super) fn is_outdated(&self) -> bool {
        let has_changed = self.reports.has_changed().unwrap_or(true);
        has_changed && self.reports.borrow().master() != Some(&self.master)
            || self.watcher.is_finished()
    }
}

impl Sentinels {
    pub(super) fn new(connector: Arc<Connector>, hosts: Vec<Host>, name: Arc<str>) -> Self {
        let reports = MasterReports(vec![None; hosts.len()]);
        Self {
            shared: Arc::new(Shared {
                connector,
                hosts,
                name,
                reports: Sender::new(reports),
                doubt: Notify::new(),
            }),
            watcher: Mutex::default(),
        }
    }

    /// A connection to the master, which is followed from then on.
    pub(super) async fn connect(&self) -> Result<RawConnection, Fault> {
        let (watcher, mut reports) = (self.watcher(), self.shared.reports.subscribe());
        let master = Arc::clone(&self.shared).ask_all().await?;
        let connected = connect_as_master(&self.shared.connector, master.clone()).await;
        let unusable = |cause| {
            let name = Arc::clone(&self.shared.name);
            Fault::UnusableMaster(name, Arc::new(cause))
        };
        let mut raw = connected.map_err(unusable)?;
        if reports.borrow_and_update().master() != Some(&master) {
            return Err(unusable(Fault::NotTheMaster));
        }
        raw.followed = Some(Followed {
            master,
            reports,
            watcher,
        });
        Ok(raw)
    }

    /// Asks the sentinels soon: the master may have been replaced.
    pub(super) fn doubt(&self) {
        self.shared.doubt.notify_waiters();
    }

    /// Stops listening to the sentinels.
    pub(super) fn close(&self) {
        if let Some(watcher) = &*lock(&self.watcher) {
            watcher.abort();
        }
    }

    /// The task that listens to the sentinels. It is started if there is none, or if its runtime has ended.
    fn watcher(&self) -> AbortHandle {
        let mut watcher = lock(&self.watcher);
        match &*watcher {
            Some(watcher) if !watcher.is_finished() => watcher.clone(),
            _ => {
                let started = tokio::spawn(watch::watch(Arc::clone(&self.shared))).abort_handle();
                watcher.insert(started).clone()
            }
        }
    }
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The master, after all sentinels were asked at the same time and most have answered. If some don't, the others
    /// are waited for no longer than a third of the timeout.
    async fn ask_all(self: Arc<Self>) -> Result<Host, Fault> {
        let mut asking = JoinSet::new();
        for index in 0..self.hosts.len() {
            let shared = Arc::clone(&self);
            asking.spawn(async move { shared.ask_directly(index).await });
        }
        let (mut answers, mut cause) = (0, None);
        let patience = sleep(self.connector.timeout / 3);
        tokio::pin!(patience);
        loop {
            let answered = tokio::select! {
                answered = asking.join_next() => answered,
                () = &mut patience, if answers > 0 => None,
            };
            match answered {
                Some(Ok(Ok(true))) => answers += 1,
                // This sentinel doesn't know the name, or the runtime is about to end.
                Some(Ok(Ok(false)) | Err(_)) => {}
                Some(Ok(Err(fault))) => cause = Some(fault),
                None => break,
            }
            if answers > self.hosts.len() / 2 {
                break;
            }
        }
        let master = self.reports.borrow().master().cloned();
        match master {
            Some(master) if answers > 0 => Ok(master),
            _ => Err(self.no_master(cause)),
        }
    }

    /// Asks a sentinel over a connection for this one question.
    async fn ask_directly(&self, index: usize) -> Result<bool, Fault> {
        let (host, config) = (&self.hosts[index], AsyncConnectionConfig::new());
        let connecting = self
            .connector
            .connect_to_sentinel(host, ProtocolVersion::RESP2, config);
        let mut sentinel = connecting.await?;
        self.ask(index, &mut sentinel.connection).await
    }

    /// Asks a sentinel for the master, and keeps its report. Returns whether it knows the master.
    async fn ask(&self, index: usize, sentinel: &mut MultiplexedConnection) -> Result<bool, Fault> {
        let mut question = redis::cmd("SENTINEL");
        question.arg("MASTER").arg(&*self.name);
        let reply = sentinel.send_packed_command(&question);
        let reply = timeout(self.connector.timeout, reply).await;
        let reply = reply.map_err(|_| Fault::TimedOut(self.connector.timeout))??;
        let report = match reply.extract_error() {
            Ok(reply) => Some(MasterReport::parse(reply).ok_or(Fault::UnexpectedReply)?),
            Err(error) if error.code() == Some("ERR") => None,
            Err(error) => return Err(error.into()),
        };
        let is_known = report.is_some();
        self.reports.send_if_modified(|MasterReports(reports)| {
            let has_changed = reports[index] != report;
            reports[index] = report;
            has_changed
        });
        Ok(is_known)
    }

    fn no_master(&self, cause: Option<Fault>) -> Fault {
        Fault::NoMaster(Arc::clone(&self.name), cause.map(Arc::new))
    }
}

impl MasterReport {
    /// Parses the reply to `SENTINEL MASTER`: names and values, as a list or as a map.
    fn parse(reply: Value) -> Option<Self> {
        let mut fields: HashMap<String, String> = redis::from_redis_value(reply).ok()?;
        Some(Self {
            epoch: fields.get("config-epoch")?.parse().ok()?,
            master: Host {
                port: fields.get("port")?.parse().ok()?,
                name: fields.remove("ip")?,
            },
        })
    }
}

/// A connection to the server at `host`, if it is a master. Sentinels may be wrong for a while after a failover.
async fn connect_as_master(connector: &Connector, host: Host) -> Result<RawConnection, Fault> {
    let mut raw = connector.connect_to(&Endpoint::Tcp(host)).await?;
    let question = redis::cmd("ROLE");
    let role = raw.connection.send_packed_command(&question);
    let is_master = match connector.bound(role).await??.extract_error() {
        Ok(Value::Array(parts)) => {
            matches!(parts.first(), Some(Value::BulkString(role)) if role == b"master")
        }
        Ok(_) => return Err(Fault::UnexpectedReply),
        Err(error) => match Fault::from(error) {
            // If the user lacks this right, the report of the sentinels counts.
            fault if fault.is_missing_right() => true,
            fault => return Err(fault),
        },
    };
    match is_master {
        true => Ok(raw),
        false => Err(Fault::NotTheMaster),
    }
}

#[cfg(test)]
mod tests;
