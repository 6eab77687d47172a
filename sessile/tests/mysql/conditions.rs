//! What a server may have to work under.

use sessile_rig::mariadb::{LARGER_DISK, MariaDb, SMALL_DISK};

/// Settings under which statements that run at once get in each other's way in other ways.
pub(crate) const ISOLATIONS: &[&str] = &[
    "transaction_isolation=READ-COMMITTED",
    "transaction_isolation=SERIALIZABLE",
    "innodb_snapshot_isolation=ON",
];

/// A server on a disk that is soon full.
pub(crate) fn with_a_small_disk() -> MariaDb {
    MariaDb::start_with(SMALL_DISK).unwrap()
}

pub(crate) fn make_room(server: &mut MariaDb) {
    server.restart_with(&[LARGER_DISK]).unwrap();
}
