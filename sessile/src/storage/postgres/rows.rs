//! Decodes the rows that statements return.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use super::{
    SessionId, Version,
    statements::{Found, Rows},
};
use crate::storage::sql::{Cleaned, Row, RowsById};

/// The length of an id in hexadecimal digits.
const ID_DIGITS: usize = 2 * SessionId::LEN;

/// The first row, and mostly the only one.
pub(super) fn only(rows: Rows) -> Found {
    rows.into_iter().next().unwrap_or_default()
}

/// PostgreSQL has no unsigned integers.
pub(super) fn version_of(number: Option<i64>) -> Option<Version> {
    number.map(|number| Version::new(number.cast_unsigned()))
}

pub(super) fn count_of(number: Option<i64>) -> u64 {
    number.unwrap_or(0).cast_unsigned()
}

/// The sessions in rows that have the version, and the id followed by the record.
pub(super) fn sessions(rows: Rows) -> RowsById {
    let session = |found: Found| {
        let text = found.text?;
        let (id, record) = text.split_at_checked(ID_DIGITS)?;
        let row = Row {
            version: version_of(found.first)?,
            is_unchecked: false,
            record: record.as_bytes().to_vec(),
        };
        Some((id_of(id.as_bytes())?, row))
    };
    rows.into_iter().filter_map(session).collect()
}

/// The outcome of a clean-up: a row with two counts, a row with a time, and the deleted rows.
pub(super) fn cleaned(rows: Rows) -> Cleaned {
    let (deleted, counts): (Rows, Rows) = rows.into_iter().partition(|it| it.text.is_some());
    let (limits, counts): (Rows, Rows) = counts.into_iter().partition(|it| it.second.is_none());
    let counts = only(counts);
    Cleaned {
        due: count_of(counts.first),
        due_until: only(limits).first.unwrap_or(0),
        deleted: count_of(counts.second),
        rows: sessions(deleted),
    }
}

/// The ids in a text.
pub(super) fn ids(text: Option<&str>) -> Vec<SessionId> {
    let digits = text.unwrap_or_default().as_bytes();
    digits.chunks(ID_DIGITS).filter_map(id_of).collect()
}

fn id_of(digits: &[u8]) -> Option<SessionId> {
    let mut bytes = [0; SessionId::LEN];
    if digits.len() != ID_DIGITS {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(SessionId::from_bytes(bytes))
}
