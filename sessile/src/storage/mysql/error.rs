//! The meaning of errors of MySQL and MariaDB for a session store.

use sqlx::{Error, mysql::MySqlDatabaseError};

use super::StoreErrorKind;
use crate::storage::sql::{Fault, Meaning, of_sqlx};

/// The fault of `error`.
pub(super) fn fault(error: Error) -> Fault {
    of_sqlx(error, |error, state| {
        let error = error.try_downcast_ref();
        meaning(error.map_or(0, MySqlDatabaseError::number), state)
    })
}

/// The meaning of an error's number and SQLSTATE
/// (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn meaning(number: u16, state: &str) -> Meaning {
    use StoreErrorKind::{Denied, Incompatible, Misconfigured, TooLarge, Unavailable};
    match number {
        // ER_CHECKREAD: the row was changed since the snapshot
        1020 => Meaning::Overtaken,
        // ER_UNKNOWN_STMT_HANDLER (a proxy gave the connection another server), ER_SERVER_ISNT_AVAILABLE,
        // ER_CLIENT_INTERACTION_TIMEOUT (the connection was idle for too long)
        1243 | 3168 | 4031 => Meaning::Closed(Unavailable),
        // ER_NET_PACKET_TOO_LARGE: a record beyond `max_allowed_packet`
        1153 => Meaning::Closed(TooLarge),
        // ER_DBACCESS_DENIED, ER_ACCESS_DENIED and the same for tables, columns and special rights
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => Meaning::Failed(Denied),
        // ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED, an authentication method that the driver lacks, expired
        // passwords, locked accounts, required TLS
        1129 | 1130 | 1251 | 1820 | 1862 | 3118 | 4151 | 3159 => Meaning::Failed(Denied),
        // ER_OPTION_PREVENTS_STATEMENT (--read-only, --super-read-only), a read-only transaction, ER_READ_ONLY_MODE
        1290 | 1792 | 1836 => Meaning::ReadOnly,
        // ER_TABLE_EXISTS_ERROR
        1050 => Meaning::Exists,
        // ER_NO_DB, ER_BAD_DB, ER_UNKNOWN_CHARACTER_SET
        1046 | 1049 | 1115 => Meaning::Failed(Misconfigured),
        // ER_BAD_FIELD, ER_PARSE, ER_WRONG_VALUE_COUNT_ON_ROW, ER_NO_SUCH_TABLE, ER_NO_DEFAULT
        1054 | 1064 | 1136 | 1146 | 1364 => Meaning::Failed(Incompatible),
        // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_DATA_OUT_OF_RANGE and constraints
        1366 | 1690 | 3819 | 4025 => Meaning::Value,
        // A full disk, too little memory, a full table
        1021 | 1037 | 1038 | 1114 => Meaning::Failed(Unavailable),
        // Too many connections, also of a user; too many prepared statements
        1040 | 1203 | 1226 | 1461 => Meaning::Failed(Unavailable),
        // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_TABLE_FULL, a statement that was interrupted or took too long
        1205 | 1206 | 1317 | 1969 | 3024 => Meaning::Failed(Unavailable),
        // ER_UNKNOWN_COM_ERROR of a node of Galera that is not ready
        1047 => Meaning::Failed(Unavailable),
        _ => match state.get(..2) {
            // Transactions that were rolled back, such as ER_LOCK_DEADLOCK
            Some("40") => Meaning::Overtaken,
            // Data exceptions, constraints, and errors that triggers signal
            Some("22" | "23" | "45") => Meaning::Value,
            // A server that shuts down, a connection that was killed, a log that could not be written, and the
            // others: the statement may have been executed.
            _ => Meaning::Ended,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_meanings() {
        use StoreErrorKind::{Denied, Incompatible, Misconfigured, TooLarge, Unavailable};
        for (number, state, expected) in [
            (1213, "40001", Meaning::Overtaken),
            (3101, "40000", Meaning::Overtaken),
            (1020, "HY000", Meaning::Overtaken),
            (1053, "08S01", Meaning::Ended),
            (1927, "70100", Meaning::Ended),
            (3169, "HY000", Meaning::Ended),
            (1180, "HY000", Meaning::Ended),
            (1026, "HY000", Meaning::Ended),
            (1243, "HY000", Meaning::Closed(Unavailable)),
            (4031, "HY000", Meaning::Closed(Unavailable)),
            (1153, "08S01", Meaning::Closed(TooLarge)),
            (1045, "28000", Meaning::Failed(Denied)),
            (1142, "42000", Meaning::Failed(Denied)),
            (1044, "42000", Meaning::Failed(Denied)),
            (1290, "HY000", Meaning::ReadOnly),
            (1792, "25006", Meaning::ReadOnly),
            (1836, "HY000", Meaning::ReadOnly),
            (1050, "42S01", Meaning::Exists),
            (1049, "42000", Meaning::Failed(Misconfigured)),
            (1146, "42S02", Meaning::Failed(Incompatible)),
            (1054, "42S22", Meaning::Failed(Incompatible)),
            (1366, "HY000", Meaning::Value),
            (1062, "23000", Meaning::Value),
            (1406, "22001", Meaning::Value),
            (1644, "45000", Meaning::Value),
            (1205, "HY000", Meaning::Failed(Unavailable)),
            (1114, "HY000", Meaning::Failed(Unavailable)),
            (1040, "08004", Meaning::Failed(Unavailable)),
            (1047, "08S01", Meaning::Failed(Unavailable)),
            (1317, "70100", Meaning::Failed(Unavailable)),
            (0, "", Meaning::Ended),
        ] {
            assert_eq!(meaning(number, state), expected, "{number}");
        }
    }
}
