//! [`Fault`]: why a request to Redis failed, and what follows from it.

use std::{error::Error, sync::Arc, time::Duration};

use redis::{ErrorKind, RedisError};

#[cfg(feature = "_redis-tls")]
use super::tls::TlsError;
use super::{StoreError, StoreErrorKind, location::AddressError, server_error::ServerError};
use crate::storage::timing::TimedOut;

/// Why a request failed. Contains no keys, values or passwords.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    #[error("the address can't be used")]
    Address(#[from] AddressError),
    #[cfg(feature = "_redis-tls")]
    #[error("the certificates for TLS can't be used")]
    Tls(#[from] TlsError),
    #[error("the application gave no credentials")]
    Credentials(#[source] Arc<dyn Error + Send + Sync>),
    #[error("Redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("not connected to Redis")]
    NotConnected(#[source] Arc<Self>),
    #[error("the connection to Redis failed")]
    Connection(#[source] RedisError),
    #[error("Redis answered with an error: {0}")]
    Answered(ServerError),
    #[error("the server is not Redis")]
    NotRedis,
    #[error("the server has version {found}, and Redis {oldest} or later is needed")]
    TooOld { oldest: &'static str, found: String },
    #[error("the user or the server does not allow `{command}` on the keys of sessions")]
    MissingCommand {
        command: String,
        #[source]
        cause: Arc<StoreError>,
    },
    #[error("the store was closed")]
    Closed,
    #[error("the near cache needs a server that announces changes: Redis 6.0 or later")]
    AnnouncesNoChanges,
    #[cfg(feature = "redis-pool")]
    #[error("the near cache does not work over the connections of a pool")]
    NearCacheOverPool,
    #[error("the reply of Redis has an unexpected type")]
    UnexpectedReply,
    #[error("the server is a replica, and not the master")]
    NotTheMaster,
    #[error("no sentinel knows the master `{0}`")]
    NoMaster(Arc<str>, #[source] Option<Arc<Self>>),
    #[error("the server that the sentinels name as the master `{0}` can't be used")]
    UnusableMaster(Arc<str>, #[source] Arc<Self>),
    #[error("the server is part of a cluster: give its address as redis+cluster://")]
    PartOfACluster,
    #[error("no node of the cluster serves the slot")]
    UnservedSlot,
    #[error("the nodes of the cluster redirected the request too often")]
    TooManyRedirects,
    #[cfg(feature = "redis-pool")]
    #[error("the pool has no connection: {0}")]
    Pool(String),
    #[error(
        "the connection broke, the update was sent again, and the record has another version: the first \
         attempt may have been stored before it"
    )]
    Overtaken,
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) => Self::Answered(ServerError::new(
                "WRONGPASS",
                "the user's name or password is not accepted",
            )),
            (_, Some(code)) => Self::Answered(ServerError::new(code, error.detail().unwrap_or(""))),
            (ErrorKind::UnexpectedReturnType, None) => Self::UnexpectedReply,
            (_, None) => Self::Connection(error),
        }
    }
}

impl From<TimedOut> for Fault {
    fn from(TimedOut(limit): TimedOut) -> Self {
        Self::TimedOut(limit)
    }
}

impl Fault {
    fn code(&self) -> &str {
        match self {
            Self::Answered(error) => &error.code,
            _ => "",
        }
    }

    /// Whether the server may have executed the request that failed with this fault.
    pub(super) fn may_have_happened(&self) -> bool {
        match self {
            Self::Connection(_) | Self::TimedOut(_) | Self::UnexpectedReply | Self::Overtaken => {
                true
            }
            Self::Answered(error) => !error.is_refusal(),
            _ => false,
        }
    }

    /// Whether the server doesn't know the script.
    pub(super) fn is_unknown_script(&self) -> bool {
        self.code() == "NOSCRIPT"
    }

    /// Whether the user lacks a right.
    pub(super) fn is_missing_right(&self) -> bool {
        self.code() == "NOPERM"
    }

    /// Whether the server doesn't know the command.
    pub(super) fn is_unknown_command(&self) -> bool {
        matches!(self, Self::Answered(error) if error.is_unknown_command())
    }

    /// The fault if the address is not that of a cluster.
    pub(super) fn outside_of_clusters(self) -> Self {
        match self.code() {
            "MOVED" | "ASK" | "CROSSSLOT" | "CLUSTERDOWN" => Self::PartOfACluster,
            _ => self,
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NotConnected(cause) | Self::UnusableMaster(_, cause) => cause.kind(),
            Self::NoMaster(_, Some(cause)) => cause.kind(),
            Self::Answered(error) => error.kind(),
            Self::Address(_) | Self::PartOfACluster | Self::NoMaster(_, None) => {
                StoreErrorKind::Misconfigured
            }
            #[cfg(feature = "_redis-tls")]
            Self::Tls(_) => StoreErrorKind::Misconfigured,
            #[cfg(feature = "redis-pool")]
            Self::NearCacheOverPool => StoreErrorKind::Misconfigured,
            Self::NotRedis
            | Self::TooOld { .. }
            | Self::AnnouncesNoChanges
            | Self::UnexpectedReply => StoreErrorKind::Incompatible,
            Self::Overtaken => StoreErrorKind::Unknown,
            _ => StoreErrorKind::Unavailable,
        }
    }

    /// The error of an operation that this is the last outcome of. An earlier attempt may have happened
    /// even if the last one did not.
    pub(super) fn into_error(self, may_have_happened: bool) -> StoreError {
        let error = StoreError::new(self.kind(), self);
        match may_have_happened {
            true => error,
            false => error.not_sent(),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let may_have_happened = fault.may_have_happened();
        fault.into_error(may_have_happened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fault of this error reply.
    fn answered(line: &str) -> Fault {
        let (code, detail) = line.split_once(' ').unwrap();
        Fault::Answered(ServerError::new(code, detail))
    }

    #[test]
    fn a_redirect_outside_of_a_cluster_is_explained() {
        let moved = answered("MOVED 3999 127.0.0.1:6381");
        assert!(matches!(moved.outside_of_clusters(), Fault::PartOfACluster));
        assert_eq!(Fault::PartOfACluster.kind(), StoreErrorKind::Misconfigured);
    }

    #[test]
    fn a_refused_request_certainly_did_not_happen() {
        for line in [
            "READONLY You can't write against a read only replica.",
            "ERR Error running script (call to f_0): @user_script:3: -READONLY You can't",
            "NOPERM User default has no permissions to run the 'get' command",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "NOREPLICAS Not enough good replicas to write.",
            "CLUSTERDOWN Hash slot not served",
            "MOVED 3999 127.0.0.1:6381",
            "ERR unknown command 'EVALSHA'",
        ] {
            assert!(!answered(line).may_have_happened(), "{line}");
        }
        let not_connected = Fault::NotConnected(Arc::new(Fault::TimedOut(Duration::ZERO)));
        assert!(!not_connected.may_have_happened());
    }

    #[test]
    fn a_request_without_a_reply_may_have_happened() {
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        for fault in [
            Fault::from(broken),
            Fault::TimedOut(Duration::ZERO),
            Fault::UnexpectedReply,
            Fault::Overtaken,
            answered("ERR upstream failure"),
        ] {
            assert!(fault.may_have_happened(), "{fault}");
        }
    }

    #[test]
    fn an_error_remembers_an_earlier_attempt() {
        let readonly = || answered("READONLY You can't write");
        assert!(!readonly().into_error(false).may_have_happened());
        assert!(readonly().into_error(true).may_have_happened());
        assert_eq!(Fault::Overtaken.kind(), StoreErrorKind::Unknown);
    }
}
