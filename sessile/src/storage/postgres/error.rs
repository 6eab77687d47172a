//! The meaning of errors of PostgreSQL for a session store.

use tokio_postgres::{Error, error::Severity};

use super::StoreErrorKind;
use crate::storage::sql::{Fault, Meaning};

/// The fault of a statement that failed.
pub(super) fn fault(error: Error) -> Fault {
    fault_by(error, meaning)
}

/// The fault of an unnamed statement that failed.
pub(super) fn fault_of_unnamed(error: Error) -> Fault {
    fault_by(error, meaning_of_unnamed)
}

fn fault_by(error: Error, meaning: fn(&str, bool) -> Meaning) -> Fault {
    match error.as_db_error() {
        Some(error) => {
            let is_fatal = error.parsed_severity() != Some(Severity::Error);
            let code = error.code().code();
            Fault::reported(meaning(code, is_fatal), code, error.message())
        }
        None => Fault::connection(error),
    }
}

/// The fault of a connection that could not be made.
pub(super) fn refused(error: Error) -> Fault {
    let Some(reported) = error.as_db_error() else {
        return Fault::connection(error);
    };
    let (code, text) = (reported.code().code(), reported.message());
    // PgBouncer has one code for everything.
    if text.contains("startup parameter") {
        let text = format!(
            "the server refuses a parameter of the connection, as poolers do: set `behind_pooler(true)`, or \
             `?behind_pooler=true` in the address, and remove `options` from the address and `PGOPTIONS` from the \
             environment: {text} ({code})"
        );
        return Fault::misconfigured(text);
    }
    Fault::reported(meaning_of_refusal(code), code, text)
}

/// The meaning of an SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>) for a
/// statement.
///
/// A fatal error ends the connection. The statement may have been executed, whatever the code is: a server
/// whose disk fails has written a part of its log, and may find the statement there when it recovers.
pub(super) fn meaning(code: &str, is_fatal: bool) -> Meaning {
    match code {
        _ if is_fatal => Meaning::Ended,
        // protocol_violation: a prepared statement with other parameters
        "08P01" => Meaning::NoStatement,
        _ => meaning_of_refusal(code),
    }
}

/// The meaning of an SQLSTATE for an unnamed statement, which is sent together with its parameters. A server that misses it, or
/// finds other parameters, received the messages of the connection in another order: behind a pooler, this happens rarely.
/// The connection is not used again.
fn meaning_of_unnamed(code: &str, is_fatal: bool) -> Meaning {
    match meaning(code, is_fatal) {
        Meaning::NoStatement => Meaning::Ended,
        meaning => meaning,
    }
}

/// The meaning of an SQLSTATE for a connection that could not be made. Every such error is fatal.
pub(super) fn meaning_of_refusal(code: &str) -> Meaning {
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Meaning::Overtaken,
        // admin_shutdown, crash_shutdown, idle_session_timeout, statement_completion_unknown
        "57P01" | "57P02" | "57P05" | "40003" => Meaning::Ended,
        // insufficient_privilege
        "42501" => Meaning::Failed(StoreErrorKind::Denied),
        // read_only_sql_transaction
        "25006" => Meaning::ReadOnly,
        // duplicate_table. If the other transaction was still open: `duplicate_object`, since a table
        // has a type of its name.
        "42P07" | "42710" => Meaning::Exists,
        // unique_violation: of the catalog, since every other key is an id that `create` may find
        "23505" => Meaning::Exists,
        // database_dropped, invalid_catalog_name, invalid_schema_name
        "57P04" | "3D000" | "3F000" => Meaning::Failed(StoreErrorKind::Misconfigured),
        // invalid_sql_statement_name, duplicate_prepared_statement
        "26000" | "42P05" => Meaning::NoStatement,
        _ => match code.get(..2) {
            // connection_exception
            Some("08") => Meaning::Ended,
            // invalid_authorization_specification: user or password
            Some("28") => Meaning::Failed(StoreErrorKind::Denied),
            // feature_not_supported, syntax_error_or_access_rule_violation, such as a missing table or column
            Some("0A" | "42") => Meaning::Failed(StoreErrorKind::Incompatible),
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
            ("25006", Meaning::ReadOnly),
            ("26000", Meaning::NoStatement),
            ("42P05", Meaning::NoStatement),
            ("08P01", Meaning::NoStatement),
            ("0A000", Meaning::Failed(Incompatible)),
            ("42P07", Meaning::Exists),
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
            assert_eq!(meaning(code, false), expected, "{code}");
        }
    }

    #[test]
    fn a_statement_may_have_been_executed_before_a_fatal_error() {
        for code in ["08P01", "25P04", "53100", "58030", "XX000"] {
            assert_eq!(meaning(code, true), Meaning::Ended, "{code}");
        }
        assert_eq!(meaning_of_refusal("08P01"), Meaning::Ended);
        assert_eq!(meaning_of_unnamed("08P01", false), Meaning::Ended);
        assert_eq!(meaning_of_unnamed("42P01", false), meaning("42P01", false));
        let denied = Meaning::Failed(StoreErrorKind::Denied);
        assert_eq!(meaning_of_refusal("28P01"), denied);
    }
}
