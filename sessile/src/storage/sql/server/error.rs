//! The errors of database servers, and what they mean for a session store.

use std::{error::Error, sync::Arc, time::Duration};

use super::{StoreError, StoreErrorKind};
use crate::storage::timing::TimedOut;

/// An error of the library that talks to the server, or of the application.
type Cause = Arc<dyn Error + Send + Sync>;

/// Why an operation failed. Contains no session values and no passwords.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::storage) enum Fault {
    /// The operation had no effect. The connection, if there is one, can be used again.
    #[error("{text}")]
    Failed {
        kind: StoreErrorKind,
        text: String,
        #[source]
        cause: Option<Cause>,
    },
    /// The connection can't be used any longer. Another connection may work if the kind is
    /// [`StoreErrorKind::Unavailable`].
    #[error("{text}")]
    Ended {
        kind: StoreErrorKind,
        text: String,
        may_have_happened: bool,
    },
    #[error("the connection to the database failed")]
    Connection(#[source] Cause),
    #[error("not connected to the database")]
    NotConnected(#[source] Arc<Self>),
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the store was closed")]
    StoreClosed,
    #[error("other statements kept changing the same rows")]
    Overtaken,
    #[error("the table exists already")]
    Exists,
    #[error("the database is read-only")]
    ReadOnly,
    #[error("a column holds a value that sessile did not write")]
    Unreadable,
    #[error(
        "the update was sent again after its connection was cut, and the record has changed since: \
         the first attempt may have been stored"
    )]
    Unknown,
    #[cfg(feature = "postgres-session")]
    #[error(
        "the database executed another statement, as happens behind a pooler in transaction mode: set \
         `behind_pooler(true)`, or `?behind_pooler=true` in the address"
    )]
    OtherStatement,
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

impl Fault {
    pub(in crate::storage) fn new(kind: StoreErrorKind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Failed {
            kind,
            text,
            cause: None,
        }
    }

    pub(in crate::storage) fn misconfigured(text: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Misconfigured, text)
    }

    fn caused(kind: StoreErrorKind, text: &str, cause: Cause) -> Self {
        Self::Failed {
            kind,
            text: text.to_owned(),
            cause: Some(cause),
        }
    }

    pub(in crate::storage) fn address(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let kind = StoreErrorKind::Misconfigured;
        Self::caused(kind, "the address is invalid", cause.into().into())
    }

    /// The fault if the application gives no credentials.
    pub(in crate::storage) fn credentials(cause: Box<dyn Error + Send + Sync>) -> Self {
        let text = "the application gave no credentials";
        Self::caused(StoreErrorKind::Unavailable, text, cause.into())
    }

    #[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
    pub(in crate::storage) fn pool(cause: impl Error + Send + Sync + 'static) -> Self {
        let text = "the pool has no free connection";
        Self::caused(StoreErrorKind::Unavailable, text, Arc::new(cause))
    }

    /// The fault of a write that a read-only database refused, if a new connection would lead there as well.
    #[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
    pub(in crate::storage) fn stays_read_only() -> Self {
        Self::new(StoreErrorKind::Denied, Self::ReadOnly.to_string())
    }

    /// The fault if the library that talks to the server fails.
    pub(in crate::storage) fn connection(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Connection(Arc::new(error))
    }

    /// The fault if the database reports an error with this code and text. The details, the hint and the context of an
    /// error may quote rows and parameters.
    pub(in crate::storage) fn reported(meaning: Meaning, code: &str, text: &str) -> Self {
        let text = match meaning {
            Meaning::Value => "a value is not accepted",
            _ => text,
        };
        let ended = |kind, may_have_happened, what| Self::Ended {
            kind,
            text: format!("{what}: {text} ({code})"),
            may_have_happened,
        };
        let failed = |kind| {
            let text = format!("the database answered with an error: {text} ({code})");
            Self::new(kind, text)
        };
        match meaning {
            Meaning::Overtaken => Self::Overtaken,
            Meaning::ReadOnly => Self::ReadOnly,
            Meaning::Exists => Self::Exists,
            Meaning::Ended => {
                let what = "the database ended the connection";
                ended(StoreErrorKind::Unavailable, true, what)
            }
            #[cfg(feature = "mysql-session")]
            Meaning::Closed(kind) => ended(kind, false, "the database closed the connection"),
            #[cfg(feature = "postgres-session")]
            Meaning::NoStatement => {
                let what = "the connection lost its prepared statements, as happens behind a pooler in \
                            transaction mode: set `behind_pooler(true)`, or `?behind_pooler=true` in the address";
                ended(StoreErrorKind::Misconfigured, false, what)
            }
            Meaning::Value => failed(StoreErrorKind::Unavailable),
            Meaning::Failed(kind) => failed(kind),
        }
    }

    pub(in crate::storage) fn not_connected(self) -> Self {
        match self {
            Self::NotConnected(_) => self,
            cause => Self::NotConnected(Arc::new(cause)),
        }
    }

    /// Whether the server refuses writes, also one that could not be connected to for this reason.
    #[cfg(feature = "postgres-session")]
    pub(in crate::storage) fn is_read_only(&self) -> bool {
        match self {
            Self::NotConnected(cause) => cause.is_read_only(),
            fault => matches!(fault, Self::ReadOnly),
        }
    }

    /// Whether the connection can't be used any longer, and another one may do.
    pub(in crate::storage) fn is_cut(&self) -> bool {
        match self {
            Self::Ended { kind, .. } => *kind == StoreErrorKind::Unavailable,
            fault => matches!(fault, Self::Connection(_) | Self::ReadOnly),
        }
    }

    /// Whether the connection can't be used any longer.
    pub(in crate::storage) fn ends_connection(&self) -> bool {
        match self {
            Self::Ended { .. } => true,
            #[cfg(feature = "postgres-session")]
            Self::OtherStatement => true,
            fault => fault.is_cut(),
        }
    }

    /// Whether the operation may have happened.
    pub(in crate::storage) fn leaves_open(&self) -> bool {
        match self {
            Self::Connection(_) | Self::TimedOut(_) | Self::Unreadable | Self::Unknown => true,
            #[cfg(feature = "postgres-session")]
            Self::OtherStatement => true,
            Self::Ended {
                may_have_happened, ..
            } => *may_have_happened,
            _ => false,
        }
    }

    /// The error of an operation. If it `was_repeated`, an earlier attempt may have happened, whatever this one did.
    pub(super) fn into_error(self, was_repeated: bool) -> StoreError {
        let may_have_happened = was_repeated || self.leaves_open();
        let error = StoreError::new(self.kind(), self);
        match may_have_happened {
            true => error,
            false => error.not_sent(),
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Failed { kind, .. } | Self::Ended { kind, .. } => *kind,
            Self::NotConnected(cause) => cause.kind(),
            Self::Unreadable => StoreErrorKind::Corrupt,
            Self::ReadOnly => StoreErrorKind::Denied,
            Self::Unknown => StoreErrorKind::Unknown,
            #[cfg(feature = "postgres-session")]
            Self::OtherStatement => StoreErrorKind::Unknown,
            Self::Connection(_)
            | Self::TimedOut(_)
            | Self::StoreClosed
            | Self::Overtaken
            | Self::Exists => StoreErrorKind::Unavailable,
        }
    }
}

impl From<TimedOut> for Fault {
    fn from(TimedOut(limit): TimedOut) -> Self {
        Self::TimedOut(limit)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.into_error(false)
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreErrorKind::Unavailable, *};

    #[test]
    fn only_what_certainly_did_not_happen_is_marked_as_not_sent() {
        let timed_out = || Fault::TimedOut(Duration::from_secs(1));
        let reported = |meaning| Fault::reported(meaning, "code", "text");
        let connection = || Fault::connection(std::io::Error::other("cut"));
        for (fault, may_have_happened) in [
            (timed_out(), true),
            (connection(), true),
            (Fault::Unreadable, true),
            (Fault::Unknown, true),
            (timed_out().not_connected(), false),
            (connection().not_connected(), false),
            (Fault::Overtaken, false),
            (Fault::ReadOnly, false),
            (reported(Meaning::Ended), true),
            #[cfg(feature = "mysql-session")]
            (reported(Meaning::Closed(Unavailable)), false),
            (reported(Meaning::Value), false),
            (reported(Meaning::Failed(Unavailable)), false),
        ] {
            let text = fault.to_string();
            let error = StoreError::from(fault);
            assert_eq!(error.may_have_happened(), may_have_happened, "{text}");
        }
    }

    #[test]
    fn a_repeat_leaves_open_whether_the_first_attempt_happened() {
        let refused = Fault::TimedOut(Duration::ZERO).not_connected();
        let error = refused.into_error(true);
        assert_eq!(error.kind(), Unavailable);
        assert!(error.may_have_happened());
    }
}
