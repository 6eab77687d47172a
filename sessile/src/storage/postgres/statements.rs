//! The statements for PostgreSQL.

use std::{borrow::Cow, sync::Arc};

use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;
use tokio_postgres::types::Type;

use super::{
    SessionId, SubjectDigest,
    lists::is_revoked,
    marks::is_live,
    parameter::Parameter,
    row_statements::RowStatements,
    sign_in::{sign_in, sign_in_to_new},
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

/// The statements of a store: those that requests execute often, and the parts of the others.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) sessions: Name,
    pub(super) marks: Name,
    /// The condition of [`is_live`].
    pub(super) live: String,
    pub(super) of_guests: RowStatements,
    pub(super) of_all: RowStatements,
    pub(super) delete: Statement,
    sign_in_to_new: Statement,
    sign_in: Statement,
    is_revoked: Statement,
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

/// A statement on the tables of a store.
///
/// Its result is rows of four columns, at least one: its proof, two numbers, and a text. Casts keep their types if a column
/// of the table gets another type: a prepared statement can't change the type of its result.
#[derive(Debug, Clone)]
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
        let delete = format!(
            "WITH deleted AS (DELETE FROM {sessions} WHERE id = $1)
             SELECT {PROOF}, NULL::bigint, NULL::bigint, NULL::text"
        );
        Self {
            sessions: sessions.clone(),
            marks: marks.clone(),
            live: is_live(marks),
            of_guests: RowStatements::of_guest(sessions),
            of_all: RowStatements::of_all(sessions, marks),
            delete: Statement::new(Purpose::Write, &[Type::BYTEA], &delete),
            sign_in_to_new: sign_in_to_new(sessions, marks),
            sign_in: sign_in(sessions, marks),
            is_revoked: is_revoked(sessions, marks),
        }
    }

    pub(super) fn load<'a>(&'a self, id: &'a SessionId, marks: Marks) -> Call<'a> {
        Call::new(&self.of_row(marks).load, vec![Parameter::id(id)])
    }

    pub(super) fn write<'a>(&'a self, row: &'a NewRow<'_>, marks: Marks) -> Call<'a> {
        let statement = match (row.expected, row.limit) {
            (None, None) => &self.of_row(marks).create,
            (Some(_), None) => &self.of_row(marks).update,
            (None, Some(_)) => &self.sign_in_to_new,
            (Some(_), Some(_)) => &self.sign_in,
        };
        let parameters = parameters_of(row).into_iter().take(statement.types.len());
        // Sign-ins of this subject lock the same number.
        let lock = row.limit.and(row.subject()).and_then(<[u8]>::first_chunk);
        Call {
            lock: lock.copied().map(i64::from_be_bytes),
            ..Call::new(statement, parameters.collect())
        }
    }

    pub(super) fn delete<'a>(&'a self, id: &'a SessionId) -> Call<'a> {
        Call::new(&self.delete, vec![Parameter::id(id)])
    }

    pub(super) fn is_revoked<'a>(
        &'a self,
        id: &'a SessionId,
        subject: Option<&'a SubjectDigest>,
        since: i64,
    ) -> Call<'a> {
        let parameters = vec![
            Parameter::id(id),
            subject.map_or(Parameter::Bytes(None), Parameter::subject),
            Parameter::number(since),
        ];
        Call::new(&self.is_revoked, parameters)
    }

    fn of_row(&self, marks: Marks) -> &RowStatements {
        match marks {
            Marks::Read => &self.of_all,
            Marks::Skip => &self.of_guests,
        }
    }
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
    pub(super) statement: Cow<'a, Statement>,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// The number that the statement locks before it reads, in a transaction of its own.
    pub(super) lock: Option<i64>,
}

impl<'a> Call<'a> {
    fn new(statement: &'a Statement, parameters: Vec<Parameter<'a>>) -> Self {
        Self {
            statement: Cow::Borrowed(statement),
            parameters,
            lock: None,
        }
    }

    /// A call of a statement that is rare, so it is composed for each call.
    pub(super) fn composed(
        purpose: Purpose,
        types: &'static [Type],
        text: &str,
        parameters: Vec<Parameter<'a>>,
    ) -> Self {
        Self {
            statement: Cow::Owned(Statement::new(purpose, types, text)),
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
    use std::num::NonZeroU32;

    use super::{super::schema::SCHEMA, *};
    use crate::storage::sql::{Batch, End};

    #[test]
    fn each_statement_of_each_table_has_another_proof() {
        let (id, subject) = (SessionId::generate(), SubjectDigest::of("ferris"));
        let end = End {
            subject: &subject,
            now: 0,
            kept: None,
        };
        let batch = |returns_rows| Batch {
            limit: 1,
            due_from: 0,
            returns_rows,
        };
        let mut proofs = Vec::new();
        for table in ["one", "other"] {
            let [sessions, marks] = SCHEMA.tables(None, table).unwrap().map(|it| it.name);
            let it = Statements::new(&sessions, &marks);
            let calls = [
                it.delete(&id),
                it.is_revoked(&id, None, 0),
                it.clean_up(batch(false)),
                it.clean_up(batch(true)),
                it.list(&subject),
                it.find_by_label("label"),
                it.end_subject(end),
                it.mark_everything(0),
                it.delete_all(None, 0),
                it.page(None, NonZeroU32::MIN),
                it.count(),
            ];
            let of_rows = [&it.of_guests, &it.of_all].map(|it| [&it.load, &it.create, &it.update]);
            let sign_ins = [&it.sign_in_to_new, &it.sign_in];
            let of_calls = calls.iter().map(|call| &*call.statement);
            for statement in of_rows
                .into_iter()
                .flatten()
                .chain(sign_ins)
                .chain(of_calls)
            {
                let proof = format!("'{}'::bigint", statement.proof);
                assert_eq!(statement.text.matches(&proof).count(), 1);
                assert!(!statement.text.contains(PROOF));
                proofs.push(statement.proof);
            }
        }
        proofs.sort_unstable();
        proofs.dedup();
        assert_eq!(proofs.len(), 2 * 19);
    }
}
