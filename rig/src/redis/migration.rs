//! Moving a slot of a cluster from one master to another.

use std::time::Duration;

use super::{Cluster, Redis, Reply, config::USER};
use crate::Error;

/// Moving keys between two servers on one machine takes milliseconds, and the news of it a few heartbeats.
const LIMIT: Duration = Duration::from_secs(30);

/// How many keys are moved at once.
const BATCH: &str = "100";

impl Cluster {
    /// Moves the slot of this key, with all its keys, to another master, and waits until every node knows it.
    ///
    /// A client that still asks the old master is told `-MOVED`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if `to` is not a master or has the slot, and those of [`master_of`](Cluster::master_of).
    pub fn migrate_slot(&self, key: &str, to: usize) -> Result<(), Error> {
        self.begin_migration(key, to)?;
        self.finish_migration(key, to)
    }

    /// Moves the keys of this key's slot, and stops half-way: the slot is still the old master's.
    ///
    /// A client that asks the old master for any key of the slot is told `-ASK`; one that asks the new master
    /// without `ASKING` is told `-MOVED`, back to the old one.
    ///
    /// # Errors
    ///
    /// As [`migrate_slot`](Cluster::migrate_slot).
    pub fn begin_migration(&self, key: &str, to: usize) -> Result<(), Error> {
        let (source, target) = (self.master(key)?, &self.nodes()[to]);
        let slot = self.slot_of(key)?.to_string();
        target.require(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source.id()?])?;
        source.require(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target.id()?])?;
        while move_keys(&slot, source, target)? {}
        Ok(())
    }

    /// Ends what [`begin_migration`](Cluster::begin_migration) began.
    ///
    /// # Errors
    ///
    /// As [`migrate_slot`](Cluster::migrate_slot).
    pub fn finish_migration(&self, key: &str, to: usize) -> Result<(), Error> {
        let (source, target) = (self.master(key)?, &self.nodes()[to]);
        let slot = self.slot_of(key)?.to_string();
        let words = ["CLUSTER", "SETSLOT", &slot, "NODE", &target.id()?];
        // First the target: if the source let go before, nobody would have the slot.
        target.require(&words)?;
        source.require(&words)?;
        self.wait_until_agreed(LIMIT)
    }

    fn master(&self, key: &str) -> Result<&Redis, Error> {
        Ok(&self.nodes()[self.master_of(key)?])
    }
}

/// Moves some keys, if there are any.
fn move_keys(slot: &str, source: &Redis, target: &Redis) -> Result<bool, Error> {
    let found = source.require(&["CLUSTER", "GETKEYSINSLOT", slot, BATCH])?;
    let keys: Vec<_> = found.items().iter().filter_map(Reply::text).collect();
    if keys.is_empty() {
        return Ok(false);
    }
    let port = target.port().to_string();
    let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000"];
    words.extend(["AUTH2", USER, "-", "KEYS"]);
    words.extend(keys.iter().map(AsRef::as_ref));
    source.require(&words)?;
    Ok(true)
}
