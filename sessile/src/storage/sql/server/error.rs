//! The errors of database servers, and what they mean for a session store.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{ParameterError, StoreError, StoreErrorKind};
use crate::storage::timing::TimedOut;

/// An error of the library that talks to the server.
type Cause = Arc<dyn Error + Send + Sync>;

/// Why an operation failed. Contains no session values and no passwords.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::storage) enum Fault {
    #[error("the address is invalid")]
    Address(#[source] Cause),
    #[error("the address must begin with one of {}://", expected.join("://, "))]
    Scheme { expected: &'static [&'static str] },
    #[error("the application gave no credentials")]
    Credentials(#[source] Cause),
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("not connected to the database")]
    NotConnected(#[source] Arc<Self>),
    #[error("the store was closed")]
    StoreClosed,
    #[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
    #[error("the pool has no free connection")]
    Pool(#[source] Cause),
    #[error("the connection to the database failed")]
    Connection(#[source] Cause),
    #[error("the database ended the connection: {0}")]
    Ended(Message),
    #[cfg(feature = "mysql-session")]
    #[error("the database closed the connection: {message}")]
    Closed {
        kind: StoreErrorKind,
        message: Message,
    },
    #[error("the database answered with an error: {message}")]
    Answered {
        kind: StoreErrorKind,
        message: Message,
    },
    #[error("other statements kept changing the same rows")]
    Overtaken,
    #[error("the table exists already")]
    Exists,
    #[error("a column holds a value that sessile did not write")]
    Unreadable,
    #[cfg(any(feature = "mysql-session", feature = "postgres-pool-sqlx"))]
    #[error("a value can't be sent to the database")]
    Unsendable,
    #[error(
        "the update was sent again after its connection was cut, and the record has changed since: \
         the first attempt may have been stored"
    )]
    Unknown,
    #[error(
        "there is no table {table}: create it with `create_table(true)`, with `?create_table=true` in the \
         address, or with these statements:\n{schema}"
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
    #[cfg(feature = "mysql-session")]
    #[error("a record of {bytes} bytes is too large: the server's `max_allowed_packet` is {max}")]
    TooLarge { bytes: u64, max: u64 },
    #[error("the database is read-only")]
    ReadOnly,
    /// Another connection would lead to a read-only database as well.
    #[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
    #[error("the database is read-only")]
    StaysReadOnly,
    #[cfg(feature = "postgres-session")]
    #[error("the database's encoding is {0}, but sessile needs UTF8")]
    Encoding(String),
    #[cfg(feature = "postgres-session")]
    #[error("the user has no right to {rights} on the table {table}")]
    Rights { table: String, rights: String },
    #[cfg(feature = "postgres-session")]
    #[error(
        "the connection lost its prepared statements, as it does behind a pooler in transaction mode: set \
         `behind_pooler(true)`, or `?behind_pooler=true` in the address: {0}"
    )]
    NoStatement(Message),
    #[cfg(feature = "postgres-session")]
    #[error(
        "the database executed another statement, as it does behind a pooler in transaction mode: set \
         `behind_pooler(true)`, or `?behind_pooler=true` in the address"
    )]
    OtherStatement,
    #[cfg(feature = "postgres-session")]
    #[error(
        "the server refuses a parameter of the connection, as poolers do: set `behind_pooler(true)`, or \
         `?behind_pooler=true` in the address, and remove `options` from the address and `PGOPTIONS` from the \
         environment: {0}"
    )]
    Parameter(Message),
    #[cfg(feature = "postgres-pool-sqlx")]
    #[error("a pool of sqlx does not work behind a pooler in transaction mode: use another one")]
    PoolBehindPooler,
    #[cfg(feature = "mysql-session")]
    #[error(
        "`ssl-mode=VERIFY_CA` needs a provider of `rustls` for the process: install one, or set \
         `ssl-mode=VERIFY_IDENTITY`"
    )]
    NoProvider,
    #[cfg(feature = "mysql-session")]
    #[error(
        "autocommit is off for the connections of the pool, so sessile's changes would be lost"
    )]
    NoAutocommit,
}

/// The meaning of an error that the database reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Meaning {
    /// Another statement changed the same rows first. This one had no effect.
    Overtaken,
    /// The connection can't be used any longer. The statement may have been executed.
    Ended,
    /// The connection can't be used any longer. The statement had no effect.
    #[cfg(feature = "mysql-session")]
    Closed(StoreErrorKind),
    /// The database has become read-only. The statement had no effect.
    ReadOnly,
    /// A table of this name exists already.
    Exists,
    /// The statement is not prepared. It had no effect.
    #[cfg(feature = "postgres-session")]
    NoStatement,
    /// The database rejects a value, which its message may quote. The statement had no effect.
    Value,
    /// The statement had no effect.
    Failed(StoreErrorKind),
}

/// The code and the text of an error that the database reports, without details, hints and contexts, which
/// may quote rows and parameters.
#[derive(Debug, Clone)]
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
    pub(in crate::storage) fn new(code: &str, text: &str) -> Self {
        Self {
            code: code.to_owned(),
            text: text.to_owned(),
        }
    }
}

impl Fault {
    /// The fault if the database reports an error.
    pub(in crate::storage) fn reported(meaning: Meaning, message: Message) -> Self {
        match meaning {
            Meaning::Overtaken => Self::Overtaken,
            Meaning::Ended => Self::Ended(message),
            #[cfg(feature = "mysql-session")]
            Meaning::Closed(kind) => Self::Closed { kind, message },
            Meaning::ReadOnly => Self::ReadOnly,
            Meaning::Exists => Self::Exists,
            #[cfg(feature = "postgres-session")]
            Meaning::NoStatement => Self::NoStatement(message),
            Meaning::Value => Self::Answered {
                kind: StoreErrorKind::Unavailable,
                message: Message {
                    text: "a value is not accepted".to_owned(),
                    ..message
                },
            },
            Meaning::Failed(kind) => Self::Answered { kind, message },
        }
    }

    /// The fault if the library that talks to the server fails.
    pub(in crate::storage) fn connection(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Connection(Arc::new(error))
    }

    /// The fault if the application gives no credentials.
    pub(in crate::storage) fn credentials(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Credentials(error.into())
    }

    pub(in crate::storage) fn not_connected(self) -> Self {
        match self {
            Self::NotConnected(_) => self,
            cause => Self::NotConnected(Arc::new(cause)),
        }
    }

    /// Whether the server refuses writes, also one that could not be connected to for this reason.
    pub(in crate::storage) fn is_read_only(&self) -> bool {
        match self {
            Self::NotConnected(cause) => cause.is_read_only(),
            #[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
            Self::StaysReadOnly => true,
            fault => matches!(fault, Self::ReadOnly),
        }
    }

    /// Whether the connection can't be used any longer, and another one may do.
    pub(in crate::storage) fn is_cut(&self) -> bool {
        #[cfg(feature = "mysql-session")]
        if let Self::Closed { kind, .. } = self {
            return *kind == StoreErrorKind::Unavailable;
        }
        matches!(self, Self::Connection(_) | Self::Ended(_) | Self::ReadOnly)
    }

    /// Whether the connection can't be used any longer.
    pub(in crate::storage) fn ends_connection(&self) -> bool {
        #[cfg(feature = "postgres-session")]
        if matches!(self, Self::NoStatement(_) | Self::OtherStatement) {
            return true;
        }
        #[cfg(feature = "mysql-session")]
        if matches!(self, Self::Closed { .. }) {
            return true;
        }
        self.is_cut()
    }

    /// Whether the operation may have happened.
    pub(in crate::storage) fn leaves_open(&self) -> bool {
        #[cfg(feature = "postgres-session")]
        if matches!(self, Self::OtherStatement) {
            return true;
        }
        matches!(
            self,
            Self::Connection(_)
                | Self::Ended(_)
                | Self::TimedOut(_)
                | Self::Unreadable
                | Self::Unknown
        )
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
            Self::NoAutocommit | Self::NoProvider => StoreErrorKind::Misconfigured,
            #[cfg(feature = "postgres-pool-sqlx")]
            Self::PoolBehindPooler => StoreErrorKind::Misconfigured,
            #[cfg(feature = "postgres-session")]
            Self::NoStatement(_) | Self::Parameter(_) => StoreErrorKind::Misconfigured,
            Self::Unreadable => StoreErrorKind::Corrupt,
            Self::Unknown => StoreErrorKind::Unknown,
            #[cfg(feature = "postgres-session")]
            Self::OtherStatement => StoreErrorKind::Unknown,
            Self::NoTable { .. } | Self::NewerSchema { .. } | Self::Shape { .. } => {
                StoreErrorKind::Incompatible
            }
            #[cfg(feature = "postgres-session")]
            Self::Encoding(_) => StoreErrorKind::Incompatible,
            #[cfg(feature = "postgres-session")]
            Self::Rights { .. } => StoreErrorKind::Denied,
            Self::ReadOnly => StoreErrorKind::Denied,
            #[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
            Self::StaysReadOnly => StoreErrorKind::Denied,
            #[cfg(feature = "mysql-session")]
            Self::TooLarge { .. } => StoreErrorKind::TooLarge,
            #[cfg(feature = "mysql-session")]
            Self::Closed { kind, .. } => *kind,
            _ => StoreErrorKind::Unavailable,
        }
    }
}

impl From<ParameterError> for Fault {
    fn from(error: ParameterError) -> Self {
        Self::Address(Arc::new(error))
    }
}

impl From<TimedOut> for Fault {
    fn from(TimedOut(limit): TimedOut) -> Self {
        Self::TimedOut(limit)
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
mod tests;
