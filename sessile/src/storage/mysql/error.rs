//! What the errors of MySQL and MariaDB mean for a session store.

use sqlx::{Error, error::DatabaseError, mysql::MySqlDatabaseError};

use super::StoreErrorKind;
use crate::storage::sql::{Fault, Meaning, Message, of_sqlx};

/// `ER_NO_SUCH_TABLE`
pub(super) const NO_SUCH_TABLE: u16 = 1146;

/// The fault that `error` is.
pub(super) fn fault(error: Error) -> Fault {
    of_sqlx(error, |error| {
        let code = error.code().unwrap_or_default();
        let message = Message::new(&code, error.message());
        (meaning(number(error), &code), message)
    })
}

pub(super) fn number(error: &dyn DatabaseError) -> u16 {
    let error = error.try_downcast_ref::<MySqlDatabaseError>();
    error.map_or(0, MySqlDatabaseError::number)
}

/// The meaning of an error's number and SQLSTATE
/// (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn meaning(number: u16, state: &str) -> Meaning {
    match number {
        // ER_LOCK_DEADLOCK, ER_CHECKREAD (the row was changed since the snapshot)
        1213 | 1020 => Meaning::Overtaken,
        // ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_SHUTDOWN_COMPLETE, errors of reading and writing
        // packets, ER_NEW_ABORTING_CONNECTION, a connection that was killed (MariaDB, MySQL) or was
        // idle for too long
        1053 | 1077 | 1079 | 1152 | 1158..=1161 | 1184 | 1927 | 3169 | 4031 => Meaning::Ended,
        // ER_UNKNOWN_STMT_HANDLER: a proxy gave the connection another server
        1243 => Meaning::Ended,
        // ER_ERROR_DURING_COMMIT: the change may be permanent
        1180 => Meaning::Ended,
        // ER_NET_PACKET_TOO_LARGE: a record beyond `max_allowed_packet`
        1153 => Meaning::Failed(StoreErrorKind::Denied),
        // ER_DBACCESS_DENIED, ER_ACCESS_DENIED and the same for tables, columns and special rights
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => Meaning::Failed(StoreErrorKind::Denied),
        // ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED, expired passwords, locked accounts, required TLS
        1129 | 1130 | 1820 | 1862 | 3118 | 4151 | 3159 => Meaning::Failed(StoreErrorKind::Denied),
        // ER_OPTION_PREVENTS_STATEMENT (--read-only), a read-only transaction, ER_READ_ONLY_MODE
        1290 | 1792 | 1836 => Meaning::ReadOnly,
        // ER_TABLE_EXISTS_ERROR
        1050 => Meaning::Exists,
        // ER_NO_DB, ER_BAD_DB, ER_UNKNOWN_CHARACTER_SET
        1046 | 1049 | 1115 => Meaning::Failed(StoreErrorKind::Misconfigured),
        // ER_BAD_FIELD, ER_WRONG_VALUE_COUNT_ON_ROW, ER_NO_SUCH_TABLE, ER_PARSE, ER_NO_DEFAULT
        1054 | 1136 | NO_SUCH_TABLE | 1064 | 1364 => Meaning::Failed(StoreErrorKind::Incompatible),
        // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_DATA_OUT_OF_RANGE and constraints
        1366 | 1690 | 3819 | 4025 => Meaning::Value,
        _ => match state.get(..2) {
            // Data exceptions, constraints, and errors that triggers signal
            Some("22" | "23" | "45") => Meaning::Value,
            // A lock wait timeout, a full disk or table, too many connections, a cluster that isn't
            // ready and the others
            _ => Meaning::Failed(StoreErrorKind::Unavailable),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_meanings() {
        use StoreErrorKind::{Denied, Incompatible, Misconfigured, Unavailable};
        for (number, state, expected) in [
            (1213, "40001", Meaning::Overtaken),
            (1020, "HY000", Meaning::Overtaken),
            (1053, "08S01", Meaning::Ended),
            (1927, "70100", Meaning::Ended),
            (1180, "HY000", Meaning::Ended),
            (1045, "28000", Meaning::Failed(Denied)),
            (1142, "42000", Meaning::Failed(Denied)),
            (1290, "HY000", Meaning::ReadOnly),
            (1792, "25006", Meaning::ReadOnly),
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
            (0, "", Meaning::Failed(Unavailable)),
        ] {
            assert_eq!(meaning(number, state), expected, "{number}");
        }
    }
}
