//! [`Pair`]: a primary and its standby.

use crate::engine::{Server, until};

/// A primary, and a standby that has every write that the primary acknowledged.
pub(crate) struct Pair {
    pub(crate) primary: Server,
    pub(crate) replica: Server,
}

impl Pair {
    pub(crate) fn start() -> Self {
        let primary = Server::start().unwrap();
        let replica = primary.start_standby().unwrap();
        for sql in [
            "ALTER SYSTEM SET synchronous_standby_names = '*'",
            "SELECT pg_reload_conf()",
        ] {
            primary.execute(sql).unwrap();
        }
        let is_synchronous = "SELECT sync_state FROM pg_stat_replication";
        until(&primary, (is_synchronous, "sync\n"));
        Self { primary, replica }
    }

    /// The replica takes over. The primary is read-only before that, or crashes.
    pub(crate) fn promote(&mut self, is_planned: bool) {
        if is_planned {
            for sql in [
                "ALTER SYSTEM SET default_transaction_read_only = on",
                "SELECT pg_reload_conf()",
            ] {
                self.primary.execute(sql).unwrap();
            }
            until(&self.primary, crate::engine::IS_READ_ONLY);
        } else {
            self.primary.kill().unwrap();
        }
        self.replica.execute("SELECT pg_promote()").unwrap();
    }
}
