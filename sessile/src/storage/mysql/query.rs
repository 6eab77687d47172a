//! Builds queries, and decodes the rows of their results.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Error, MySql, MySqlConnection, Row as _,
    mysql::{MySqlArguments, MySqlRow},
};

use super::{SessionId, Version};
use crate::storage::sql::Row;

/// The server's clock in milliseconds since the Unix epoch, in any time zone, constant throughout a
/// statement.
pub(super) const NOW: &str =
    "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)";

/// The maximum number of keys in a statement [of keys](of_keys).
pub(super) const MOST_KEYS: usize = 500;

pub(super) type Query<'a> = sqlx::query::Query<'a, MySql, MySqlArguments>;

/// A query of this text, whose only variable parts are the names of the tables, which have been checked.
pub(super) fn query<'a>(text: impl Into<Arc<str>>) -> Query<'a> {
    sqlx::query(AssertSqlSafe(text.into()))
}

/// The id that a batch of rows follows. No id is before the empty one.
pub(super) fn id_before(after: Option<&SessionId>) -> &[u8] {
    after.map_or(&[], |id| id.as_bytes().as_slice())
}

/// The query of `statement` for the rows with these keys, at least one and at most [`MOST_KEYS`]. `statement` gets
/// their placeholders.
///
/// To find the rows in the same statement would lock the gaps between them, so that new sessions
/// would have to wait.
pub(super) fn of_keys<'a>(
    statement: impl FnOnce(&str) -> String,
    keys: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Query<'a> {
    let statement = statement(&vec!["?"; keys.len()].join(", "));
    // Only these numbers of keys recur, so other statements are not kept.
    let recurs = keys.len() == 1 || keys.len() == MOST_KEYS;
    let query = sqlx::query(AssertSqlSafe(statement)).persistent(recurs);
    keys.fold(query, |query, key| query.bind(key))
}

/// The output of `decode` for each row of the result. Unlike `fetch`, this reads the reply to its end.
pub(super) async fn rows<T>(
    connection: &mut MySqlConnection,
    query: Query<'_>,
    decode: impl Fn(&MySqlRow) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(decode).collect()
}

/// The output of `decode` for the only row of the result.
pub(super) async fn row<T>(
    connection: &mut MySqlConnection,
    query: Query<'_>,
    decode: impl Fn(&MySqlRow) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut decoded = rows(connection, query, decode).await?;
    decoded.pop().ok_or(Error::RowNotFound)
}

/// The session in a row of its id, its version and its record.
pub(super) fn session(found: &MySqlRow) -> Result<(SessionId, Row), Error> {
    let row = Row {
        version: Version::new(found.try_get(1)?),
        is_unchecked: false,
        record: found.try_get(2)?,
    };
    Ok((id(found)?, row))
}

/// The id in the first column.
pub(super) fn id(row: &MySqlRow) -> Result<SessionId, Error> {
    let bytes: &[u8] = row.try_get(0)?;
    let bytes = bytes
        .try_into()
        .map_err(|error| Error::Decode(Box::new(error)))?;
    Ok(SessionId::from_bytes(bytes))
}
