//! [`Pair`]: a primary and its replica.

use crate::engine::{Server, until};

/// A primary, and a replica that has every write that the primary acknowledged.
pub(crate) struct Pair {
    pub(crate) primary: Server,
    pub(crate) replica: Server,
}

impl Pair {
    pub(crate) fn start() -> Self {
        let primary = Server::start_with(&["server-id=1", "log-bin=binlog"]).unwrap();
        let replica = Server::start_with(&[
            "server-id=2",
            "log-bin=binlog",
            "log-slave-updates=1",
            "read-only=1",
            "rpl-semi-sync-slave-enabled=1",
        ])
        .unwrap();
        primary
            .execute(
                "CREATE USER replica@'%' IDENTIFIED BY 'word';
                 GRANT REPLICATION SLAVE ON *.* TO replica@'%'",
            )
            .unwrap();
        let port = primary.port();
        replica
            .execute(&format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port},
                     MASTER_USER = 'replica', MASTER_PASSWORD = 'word',
                     MASTER_USE_GTID = slave_pos;
                 START SLAVE"
            ))
            .unwrap();
        // Not before there is a replica: a write would wait for one.
        until(&primary, (&status("RPL_SEMI_SYNC_MASTER_CLIENTS"), "1\n"));
        primary
            .execute(
                "SET GLOBAL rpl_semi_sync_master_timeout = 3600000;
                 SET GLOBAL rpl_semi_sync_master_enabled = 1",
            )
            .unwrap();
        until(&primary, (&status("RPL_SEMI_SYNC_MASTER_STATUS"), "ON\n"));
        Self { primary, replica }
    }

    /// The replica takes over. The primary is read-only before that, or crashes.
    pub(crate) fn promote(&mut self, is_planned: bool) {
        if is_planned {
            self.primary.execute("SET GLOBAL read_only = 1").unwrap();
            let written = self.primary.execute("SELECT @@gtid_binlog_pos").unwrap();
            until(&self.replica, ("SELECT @@gtid_slave_pos", &written));
        } else {
            self.primary.kill().unwrap();
            // What the replica has received and not yet applied.
            let status = || {
                let status = self.replica.execute("SHOW SLAVE STATUS").unwrap();
                let columns: Vec<_> = status.split('\t').map(str::to_owned).collect();
                let [received, applied] =
                    [[5, 6], [9, 21]].map(|it| it.map(|it| columns[it].clone()));
                received == applied
            };
            while !status() {
                std::thread::yield_now();
            }
        }
        let promote = "STOP SLAVE; SET GLOBAL read_only = 0";
        self.replica.execute(promote).unwrap();
    }
}

/// The question for a variable of the server's status.
fn status(name: &str) -> String {
    format!(
        "SELECT variable_value FROM information_schema.global_status WHERE variable_name = '{name}'"
    )
}
