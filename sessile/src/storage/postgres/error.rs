//! What the errors of PostgreSQL mean for a session store.

use super::StoreErrorKind;
use crate::storage::sql::Meaning;

/// The meaning of an SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(super) fn meaning(code: &str) -> Meaning {
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Meaning::Overtaken,
        // admin_shutdown, crash_shutdown, idle_session_timeout, statement_completion_unknown
        "57P01" | "57P02" | "57P05" | "40003" => Meaning::Ended,
        // insufficient_privilege, read_only_sql_transaction
        "42501" | "25006" => Meaning::Failed(StoreErrorKind::Denied),
        // database_dropped, invalid_catalog_name, invalid_schema_name
        "57P04" | "3D000" | "3F000" => Meaning::Failed(StoreErrorKind::Misconfigured),
        // invalid_sql_statement_name: a pooler in transaction mode that doesn't keep prepared
        // statements
        "26000" => Meaning::Failed(StoreErrorKind::Misconfigured),
        // feature_not_supported, such as a table that was changed since the statement was prepared
        "0A000" => Meaning::Failed(StoreErrorKind::Unavailable),
        _ => match code.get(..2) {
            // connection_exception
            Some("08") => Meaning::Ended,
            // invalid_authorization_specification: user or password
            Some("28") => Meaning::Failed(StoreErrorKind::Denied),
            // syntax_error_or_access_rule_violation, such as a missing table or column
            Some("42") => Meaning::Failed(StoreErrorKind::Incompatible),
            // data_exception, integrity_constraint_violation, with_check_option_violation, and errors
            // that triggers raise
            Some("22" | "23" | "44" | "P0") => Meaning::Value,
            // insufficient_resources (a full disk, too many connections), operator_intervention (a
            // server that starts up, a cancelled statement), system_error and the others
            _ => Meaning::Failed(StoreErrorKind::Unavailable),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_meanings() {
        use StoreErrorKind::{Denied, Incompatible, Misconfigured, Unavailable};
        for (code, expected) in [
            ("40001", Meaning::Overtaken),
            ("40P01", Meaning::Overtaken),
            ("57P01", Meaning::Ended),
            ("40003", Meaning::Ended),
            ("08006", Meaning::Ended),
            ("28P01", Meaning::Failed(Denied)),
            ("28000", Meaning::Failed(Denied)),
            ("42501", Meaning::Failed(Denied)),
            ("25006", Meaning::Failed(Denied)),
            ("3D000", Meaning::Failed(Misconfigured)),
            ("42P01", Meaning::Failed(Incompatible)),
            ("42703", Meaning::Failed(Incompatible)),
            ("22001", Meaning::Value),
            ("23514", Meaning::Value),
            ("53100", Meaning::Failed(Unavailable)),
            ("53300", Meaning::Failed(Unavailable)),
            ("55P03", Meaning::Failed(Unavailable)),
            ("57014", Meaning::Failed(Unavailable)),
            ("57P03", Meaning::Failed(Unavailable)),
            ("", Meaning::Failed(Unavailable)),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }
}
