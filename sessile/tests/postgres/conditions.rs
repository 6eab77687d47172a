//! What a server may have to work under.

use sessile_rig::postgres::Postgres;

/// Settings under which statements that run at once get in each other's way in other ways.
pub(crate) const ISOLATIONS: &[&str] = &[
    "default_transaction_isolation=repeatable read",
    "default_transaction_isolation=serializable",
];

/// A server on a disk that is soon full.
pub(crate) fn with_a_small_disk() -> Postgres {
    let mut server = Postgres::start().unwrap();
    server.limit_files(Some(3 << 20)).unwrap();
    server
}

pub(crate) fn make_room(server: &mut Postgres) {
    server.limit_files(None).unwrap();
}
