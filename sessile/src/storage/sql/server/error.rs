//! The errors of database servers, and what they mean for a session store.

use std::{fmt, time::Duration};

use sqlx::{Error, error::DatabaseError};

use super::{Dialect, StoreError, StoreErrorKind};

/// Why an operation failed. Contains no session values and no passwords.
#[derive(Debug, thiserror::Error)]
pub(in crate::storage) enum Fault {
    #[error("the address is invalid")]
    Address(#[source] Error),
    #[error("the address must begin with one of {}://", expected.join("://, "))]
    Scheme { expected: &'static [&'static str] },
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("not connected to the database")]
    NotConnected(#[source] Box<Self>),
    #[error("the pool has no free connection")]
    Pool(#[source] Error),
    #[error("the connection to the database failed")]
    Connection(#[source] Error),
    #[error("the database ended the connection: {0}")]
    Ended(Message),
    #[error("the database answered with an error: {message}")]
    Answered {
        kind: StoreErrorKind,
        message: Message,
    },
    #[error("other statements kept changing the same rows")]
    Overtaken,
    #[error("a column holds a value that sessile did not write")]
    Unreadable,
    #[error("a value can't be sent to the database")]
    Unsendable,
    #[error(
        "the update was sent again after its connection was cut, and the record has changed since: \
         the first attempt may have been stored"
    )]
    Unknown,
    #[error(
        "there is no table {table}: create it with `create_table(true)`, or with these statements:\n{schema}"
    )]
    NoTable { table: String, schema: String },
    #[error(
        "the table {table} has version {found} of sessile's schema, and this version of sessile knows {known}"
    )]
    NewerSchema {
        table: String,
        found: String,
        known: u32,
    },
    #[error("sessile can't use the table {table}: {difference}")]
    Shape { table: String, difference: String },
    #[cfg(feature = "postgres-session")]
    #[error("the database's encoding is {0}, but sessile needs UTF8")]
    Encoding(String),
    #[cfg(feature = "postgres-session")]
    #[error("the user has no right to {rights} on the table {table}")]
    Rights { table: String, rights: String },
    #[cfg(feature = "postgres-session")]
    #[error("the database is read-only")]
    ReadOnly,
    #[cfg(feature = "mysql-session")]
    #[error(
        "autocommit is off for the connections of the pool, so sessile's changes would be lost"
    )]
    NoAutocommit,
}

/// What an error that the database reports means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Meaning {
    /// Another statement changed the same rows first. This one had no effect.
    Overtaken,
    /// The connection can't be used any longer. The statement may have been executed.
    Ended,
    /// The database rejects a value, which its message may quote. The statement had no effect.
    Value,
    /// The statement had no effect.
    Failed(StoreErrorKind),
}

/// The code and the text of an error that the database reports.
#[derive(Debug)]
pub(in crate::storage) struct Message {
    code: String,
    text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

impl Message {
    /// Without details, hints and contexts, which may quote rows and parameters.
    fn of(error: &dyn DatabaseError) -> Self {
        Self {
            code: error.code().unwrap_or_default().into_owned(),
            text: error.message().to_owned(),
        }
    }

    fn without_text(error: &dyn DatabaseError) -> Self {
        Self {
            text: "a value is not accepted".to_owned(),
            ..Self::of(error)
        }
    }
}

impl Fault {
    /// The fault that `error` is for the dialect `D`.
    pub(in crate::storage) fn of<D: Dialect>(error: Error) -> Self {
        match error {
            Error::Database(error) => match D::meaning(&*error) {
                Meaning::Overtaken => Self::Overtaken,
                Meaning::Ended => Self::Ended(Message::of(&*error)),
                Meaning::Value => Self::Answered {
                    kind: StoreErrorKind::Unavailable,
                    message: Message::without_text(&*error),
                },
                Meaning::Failed(kind) => Self::Answered {
                    kind,
                    message: Message::of(&*error),
                },
            },
            Error::Configuration(_) => Self::Address(error),
            Error::PoolTimedOut | Error::PoolClosed => Self::Pool(error),
            Error::ColumnDecode { .. } | Error::Decode(_) => Self::Unreadable,
            Error::Encode(_) => Self::Unsendable,
            error => Self::Connection(error),
        }
    }

    /// Whether the connection can't be used any longer.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Ended(_))
    }

    /// Whether the operation may have happened.
    fn leaves_open(&self) -> bool {
        self.ends_connection()
            || matches!(self, Self::TimedOut(_) | Self::Unreadable | Self::Unknown)
    }

    /// The error of an operation that was sent before: the first attempt may have happened, whatever
    /// this one did.
    pub(super) fn after_repeat(self) -> StoreError {
        StoreError::new(self.kind(), self)
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NotConnected(cause) => cause.kind(),
            Self::Answered { kind, .. } => *kind,
            Self::Address(_) | Self::Scheme { .. } => StoreErrorKind::Misconfigured,
            #[cfg(feature = "mysql-session")]
            Self::NoAutocommit => StoreErrorKind::Misconfigured,
            Self::Unreadable => StoreErrorKind::Corrupt,
            Self::Unknown => StoreErrorKind::Unknown,
            Self::NoTable { .. } | Self::NewerSchema { .. } | Self::Shape { .. } => {
                StoreErrorKind::Incompatible
            }
            #[cfg(feature = "postgres-session")]
            Self::Encoding(_) => StoreErrorKind::Incompatible,
            #[cfg(feature = "postgres-session")]
            Self::Rights { .. } | Self::ReadOnly => StoreErrorKind::Denied,
            _ => StoreErrorKind::Unavailable,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let is_certain = !fault.leaves_open();
        let error = Self::new(fault.kind(), fault);
        match is_certain {
            true => error.not_sent(),
            false => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_certainly_did_not_happen_is_marked_as_not_sent() {
        let timed_out = || Fault::TimedOut(Duration::from_secs(1));
        let connection = || Fault::Connection(Error::WorkerCrashed);
        for (fault, may_have_happened) in [
            (timed_out(), true),
            (connection(), true),
            (Fault::Unreadable, true),
            (Fault::Unknown, true),
            (Fault::NotConnected(Box::new(timed_out())), false),
            (Fault::NotConnected(Box::new(connection())), false),
            (Fault::Overtaken, false),
            (Fault::Unsendable, false),
        ] {
            let text = fault.to_string();
            let error = StoreError::from(fault);
            assert_eq!(error.may_have_happened(), may_have_happened, "{text}");
        }
    }

    #[test]
    fn a_repeat_leaves_open_whether_the_first_attempt_happened() {
        let refused = Fault::NotConnected(Box::new(Fault::TimedOut(Duration::ZERO)));
        let error = refused.after_repeat();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(error.may_have_happened());
    }
}
