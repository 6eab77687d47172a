//! Migration of a slot from one master of a cluster to another.

use std::{ops::Range, time::Duration};

use super::{Cluster, Redis, Reply, config::USER};
use crate::Error;

/// Moving keys between two servers on one machine takes milliseconds. The other nodes learn of it after a few heartbeats.
const LIMIT: Duration = Duration::from_secs(30);

/// The number of keys that one command moves.
const BATCH: &str = "100";

impl Cluster {
    /// Moves the slot of this key, with all its keys, to another master, and waits until every node knows it.
    ///
    /// The old master then replies `-MOVED` to clients.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if `to` is not a master or has the slot already, and the errors of
    /// [`master_of`](Cluster::master_of).
    pub fn migrate_slot(&self, key: &str, to: usize) -> Result<(), Error> {
        self.begin_migration(key, to)?;
        self.finish_migration(key, to)
    }

    /// Moves the keys of this key's slot, and leaves the migration open: the old master still owns the slot.
    ///
    /// The old master replies `-ASK` for any key of the slot. The new master replies `-MOVED` with the address of the old
    /// one, unless the client sends `ASKING`.
    ///
    /// # Errors
    ///
    /// The errors of [`migrate_slot`](Cluster::migrate_slot).
    pub fn begin_migration(&self, key: &str, to: usize) -> Result<(), Error> {
        let (source, target) = (self.master(key)?, &self.nodes()[to]);
        let slot = self.slot_of(key)?.to_string();
        target.require(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source.id()?])?;
        source.require(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target.id()?])?;
        while move_keys(&slot, source, target)? {}
        Ok(())
    }

    /// Completes the migration that [`begin_migration`](Cluster::begin_migration) began.
    ///
    /// # Errors
    ///
    /// The errors of [`migrate_slot`](Cluster::migrate_slot).
    pub fn finish_migration(&self, key: &str, to: usize) -> Result<(), Error> {
        let (source, target) = (self.master(key)?, &self.nodes()[to]);
        let slot = self.slot_of(key)?.to_string();
        let words = ["CLUSTER", "SETSLOT", &slot, "NODE", &target.id()?];
        // The target is first. If the source were first, no node would own the slot in between.
        target.require(&words)?;
        source.require(&words)?;
        self.wait_until_agreed(LIMIT)
    }

    /// Gives slots that have no keys to another master, all at once, and waits until every node knows it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if one of the slots has keys or is not of `from`.
    pub fn give_away_slots(&self, slots: Range<u16>, from: usize, to: usize) -> Result<(), Error> {
        let (source, target) = (&self.nodes()[from], &self.nodes()[to]);
        let id = target.id()?;
        for slot in slots {
            let slot = slot.to_string();
            for node in [target, source] {
                node.require(&["CLUSTER", "SETSLOT", &slot, "NODE", &id])?;
            }
        }
        self.wait_until_agreed(LIMIT)
    }

    fn master(&self, key: &str) -> Result<&Redis, Error> {
        Ok(&self.nodes()[self.master_of(key)?])
    }
}

/// Moves a batch of keys. Returns false if the slot has none.
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
