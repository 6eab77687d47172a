//! [`Parameter`]: a parameter of a statement.

use std::{error::Error, fmt};

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::{SessionId, SubjectDigest, Version};

/// A parameter of a statement, in the type that the statement declares.
#[derive(Clone, Copy)]
pub(super) enum Parameter<'a> {
    Bytes(Option<&'a [u8]>),
    Number(Option<i64>),
    Text(Option<&'a str>),
}

impl<'a> Parameter<'a> {
    pub(super) fn id(id: &'a SessionId) -> Self {
        Self::Bytes(Some(id.as_bytes().as_slice()))
    }

    pub(super) fn subject(subject: &'a SubjectDigest) -> Self {
        Self::Bytes(Some(subject.as_bytes().as_slice()))
    }

    /// The id that a batch of rows follows. No id is before the empty one.
    pub(super) fn after(id: Option<&'a SessionId>) -> Self {
        id.map_or(Self::Bytes(Some(&[])), Self::id)
    }

    pub(super) fn number(number: impl Into<i64>) -> Self {
        Self::Number(Some(number.into()))
    }

    /// PostgreSQL has no unsigned integers.
    pub(super) fn version(version: Version) -> Self {
        Self::Number(Some(version.get().cast_signed()))
    }
}

/// Without the value: the driver writes parameters to its log.
impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::INT8, Type::TEXT].contains(kind)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_the_driver_has_no_values() {
        let parameters = [
            Parameter::Bytes(Some(b"bytes")),
            Parameter::Number(Some(17)),
            Parameter::Text(Some("text")),
        ];
        assert_eq!(format!("{parameters:?}"), "[_, _, _]");
    }
}
