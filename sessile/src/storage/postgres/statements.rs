//! The statements for PostgreSQL.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;
use tokio_postgres::types::Type;

use super::{
    SessionId, ending::EndStatements, lists::ListStatements, parameter::Parameter,
    row_statements::RowStatements,
};
use crate::storage::{
    AtLimit, SessionLimit,
    sql::{Marks, Name, NewRow},
};

/// The server's clock in milliseconds since the Unix epoch, constant throughout a statement.
///
/// In floating point, which has all milliseconds and costs less than the numeric that `extract` returns.
pub(super) const NOW: &str = "floor(date_part('epoch', statement_timestamp()) * 1000)::bigint";

/// The placeholder for the proof in the text of a statement.
pub(super) const PROOF: &str = "{proof}";

/// The statements of a store.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) of_guests: RowStatements,
    pub(super) of_all: RowStatements,
    pub(super) delete: Statement,
    pub(super) clean_up: Statement,
    /// The same, which returns the deleted rows as well.
    pub(super) clean_up_and_return: Statement,
    pub(super) lists: ListStatements,
    pub(super) ending: EndStatements,
}

/// The purpose of a connection. Statements with one purpose share a connection and queue behind each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
    /// Transactions, whose messages no other statement may come between.
    SignIn,
    /// Opening the store and clean-up, whose statements may take long.
    Maintain,
}

impl Purpose {
    pub(super) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::SignIn, Self::Maintain];
}

/// A statement that is composed once for a table.
///
/// Its result is rows of four columns, at least one: its proof, two numbers, and a text. Casts keep their types if a column
/// of the table gets another type: a prepared statement can't change the type of its result.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) purpose: Purpose,
    pub(super) text: Arc<str>,
    pub(super) types: &'static [Type],
    /// A digest of the text, which the result begins with. Behind a pooler, the prepared statement of this
    /// connection's name may be another client's.
    pub(super) proof: i64,
}

impl Statement {
    pub(super) fn new(purpose: Purpose, types: &'static [Type], text: &str) -> Self {
        let digest = Sha256::digest(text);
        let proof = i64::from_be_bytes(std::array::from_fn(|index| digest[index]));
        Self {
            purpose,
            text: text.replace(PROOF, &format!("'{proof}'::bigint")).into(),
            types,
            proof,
        }
    }

    /// Whether it changes sessions for a request.
    pub(super) fn is_write(&self) -> bool {
        matches!(self.purpose, Purpose::Write | Purpose::SignIn)
    }
}

/// The types of the columns of a row: its id, version, time to live, subject, sign-in, label and record.
macro_rules! row_and {
    ($($more:ident),*) => {
        &[
            Type::BYTEA, Type::INT8, Type::INT8, Type::BYTEA, Type::INT8, Type::BYTEA, Type::TEXT,
            $(Type::$more),*
        ]
    };
}
pub(super) use row_and;

impl Statements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        Self {
            of_guests: RowStatements::of_guest(sessions),
            of_all: RowStatements::of_all(sessions, marks),
            delete: Statement::new(
                Purpose::Write,
                &[Type::BYTEA],
                &format!(
                    "WITH deleted AS (DELETE FROM {sessions} WHERE id = $1)
                     SELECT {PROOF}, NULL::bigint, NULL::bigint, NULL::text"
                ),
            ),
            clean_up: clean_up(sessions, marks, false),
            clean_up_and_return: clean_up(sessions, marks, true),
            lists: ListStatements::new(sessions, marks),
            ending: EndStatements::new(sessions, marks),
        }
    }

    pub(super) fn load<'a>(&'a self, id: &'a SessionId, marks: Marks) -> Call<'a> {
        Call::new(&self.of_row(marks).load, vec![Parameter::id(id)])
    }

    pub(super) fn write<'a>(&'a self, row: &'a NewRow<'_>, marks: Marks) -> Call<'a> {
        let statement = match (row.expected, row.limit) {
            (None, None) => &self.of_row(marks).create,
            (Some(_), None) => &self.of_row(marks).update,
            (None, Some(_)) => &self.ending.sign_in_to_new,
            (Some(_), Some(_)) => &self.ending.sign_in,
        };
        let parameters = parameters_of(row).into_iter().take(statement.types.len());
        // Sign-ins of this subject lock the same number.
        let lock = row.limit.and(row.subject()).and_then(<[u8]>::first_chunk);
        Call {
            lock: lock.copied().map(i64::from_be_bytes),
            ..Call::new(statement, parameters.collect())
        }
    }

    fn of_row(&self, marks: Marks) -> &RowStatements {
        match marks {
            Marks::Read => &self.of_all,
            Marks::Skip => &self.of_guests,
        }
    }
}

/// Cleans up. Returns a row with two counts, and a row with the time at which the last row was due. If it `returns_rows`, a row
/// for each deleted session follows.
///
/// The arrays make the planner find the rows by their keys, however many it expects.
fn clean_up(sessions: &Name, marks: &Name, returns_rows: bool) -> Statement {
    let (returned, more) = match returns_rows {
        true => (
            "version, encode(id, 'hex') || record AS text",
            "UNION ALL SELECT version::bigint, NULL::bigint, text FROM deleted",
        ),
        false => ("1", ""),
    };
    let text = format!(
        "WITH due AS MATERIALIZED (
             SELECT id, due_at, expires_at <= {NOW} AS is_expired FROM {sessions}
             WHERE due_at >= $2 AND due_at <= {NOW} ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
         ), deleted AS (
             DELETE FROM {sessions}
             WHERE id = ANY (ARRAY (SELECT id FROM due WHERE is_expired))
             RETURNING {returned}
         ), postponed AS (
             UPDATE {sessions} SET due_at = expires_at
             WHERE id = ANY (ARRAY (SELECT id FROM due WHERE NOT is_expired))
         ), expired AS MATERIALIZED (
             SELECT subject FROM {marks}
             WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
         ), forgotten AS (
             DELETE FROM {marks} WHERE subject = ANY (ARRAY (SELECT subject FROM expired))
         )
         SELECT {PROOF}, found.* FROM (
             SELECT (SELECT count(*) FROM due) + (SELECT count(*) FROM expired),
                 (SELECT count(*) FROM deleted), NULL::text
             UNION ALL SELECT (SELECT max(due_at) FROM due), NULL::bigint, NULL::text
             {more}
         ) AS found"
    );
    Statement::new(Purpose::Maintain, &[Type::INT8, Type::INT8], &text)
}

/// The parameters of a write. Each statement takes the first ones: the columns of the row, the version that it expects, and
/// the limit of a sign-in.
fn parameters_of<'a>(row: &'a NewRow<'_>) -> [Parameter<'a>; 10] {
    let refuses_new = |limit: SessionLimit| i64::from(limit.at_limit() == AtLimit::RefuseNew);
    [
        Parameter::id(row.id),
        Parameter::version(row.version),
        Parameter::number(row.ttl),
        Parameter::Bytes(row.subject()),
        Parameter::Number(row.signed_in_at),
        Parameter::Bytes(row.label.map(str::as_bytes)),
        Parameter::Text(Some(&row.record)),
        row.expected
            .map_or(Parameter::Number(None), Parameter::version),
        Parameter::Number(row.limit.map(|limit| limit.max().into())),
        Parameter::Number(row.limit.map(refuses_new)),
    ]
}

/// A statement with its parameters.
pub(super) struct Call<'a> {
    pub(super) statement: &'a Statement,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// The number that the statement locks before it reads, in a transaction of its own.
    pub(super) lock: Option<i64>,
}

impl<'a> Call<'a> {
    pub(super) fn new(statement: &'a Statement, parameters: Vec<Parameter<'a>>) -> Self {
        Self {
            statement,
            parameters,
            lock: None,
        }
    }
}

/// The rows that a statement returns: one, unless it lists sessions.
pub(super) type Rows = SmallVec<[Found; 1]>;

/// The content of a row after its proof.
#[derive(Default)]
pub(super) struct Found {
    pub(super) first: Option<i64>,
    pub(super) second: Option<i64>,
    pub(super) text: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{super::schema::SCHEMA, *};

    #[test]
    fn each_statement_of_each_table_has_another_proof() {
        let mut proofs = Vec::new();
        for table in ["one", "other"] {
            let [sessions, marks] = SCHEMA.tables(None, table).unwrap().map(|it| it.name);
            let it = Statements::new(&sessions, &marks);
            for statement in [
                it.of_guests.load,
                it.of_guests.create,
                it.of_guests.update,
                it.of_all.load,
                it.of_all.create,
                it.of_all.update,
                it.delete,
                it.clean_up,
                it.clean_up_and_return,
                it.ending.sign_in_to_new,
                it.ending.sign_in,
                it.lists.list,
                it.lists.find_by_label,
                it.ending.end_subject,
                it.ending.mark_everything,
                it.ending.delete_all,
                it.lists.page,
                it.lists.count,
            ] {
                let proof = format!("'{}'::bigint", statement.proof);
                assert_eq!(statement.text.matches(&proof).count(), 1);
                assert!(!statement.text.contains(PROOF));
                proofs.push(statement.proof);
            }
        }
        proofs.sort_unstable();
        proofs.dedup();
        assert_eq!(proofs.len(), 36);
    }
}
