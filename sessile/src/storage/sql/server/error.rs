//! What can go wrong with a database, and what it means for a session store.

use std::{fmt, time::Duration};

use sqlx::{Error, error::DatabaseError};

use super::{Dialect, StoreError, StoreErrorKind};

/// What went wrong. Tells neither keys nor values nor passwords.
#[derive(Debug, thiserror::Error)]
pub(in crate::storage) enum Fault {
    #[error("the address makes no sense")]
    Address(#[source] Error),
    #[error("the address has to begin with one of {}://", expected.join("://, "))]
    Scheme { expected: &'static [&'static str] },
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("not connected to the database")]
    NotConnected(#[source] Box<Self>),
    #[error("the pool has no connection to give")]
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
    #[error("others kept changing the same rows")]
    Overtaken,
    #[error("what was read from the database is not what a column of sessile's holds")]
    Unreadable,
    #[error("the database was given something that it can't be sent")]
    Unsendable,
    #[error("the database has something under every new key")]
    KeysCollide,
    #[error("the connection was cut, and the record has changed: it may have been by this request")]
    Uncertain,
    #[error(
        "there is no table {table}: make it with `create_table(true)`, or by hand with\n{schema}"
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
    #[error("the table {table} is not sessile's: {difference}")]
    Shape { table: String, difference: String },
    #[cfg(feature = "postgres-session")]
    #[error("the database is encoded in {0}, and has to be in UTF8")]
    Encoding(String),
    #[cfg(feature = "postgres-session")]
    #[error("the user lacks the right to {rights} on the table {table}")]
    Rights { table: String, rights: String },
    #[cfg(feature = "postgres-session")]
    #[error("the database is read-only")]
    ReadOnly,
    #[cfg(feature = "mysql-session")]
    #[error(
        "the connections of the pool have autocommit turned off, so that nothing would be stored"
    )]
    NoAutocommit,
}

/// What an error of the database's means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Meaning {
    /// Others were at the same rows, and nothing was done.
    Overtaken,
    /// The connection is of no use any more. What was asked may have been done or not.
    Ended,
    /// The database does not take what it was given. Its message may quote that.
    Value,
    /// Nothing was done.
    Failed(StoreErrorKind),
}

/// The code and the text of an error of the database's.
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
    /// Only the main text: details, hints and contexts may quote rows and parameters.
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
    /// What `error` means where `D` is spoken.
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

    /// Whether the connection is of no use any more.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Ended(_))
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NotConnected(cause) => cause.kind(),
            Self::Answered { kind, .. } => *kind,
            Self::Address(_) | Self::Scheme { .. } => StoreErrorKind::Misconfigured,
            #[cfg(feature = "mysql-session")]
            Self::NoAutocommit => StoreErrorKind::Misconfigured,
            Self::Unreadable => StoreErrorKind::Corrupt,
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
        Self::new(fault.kind(), fault)
    }
}
