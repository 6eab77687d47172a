//! What can go wrong with Redis, what it means for a session store, and what may help.

use std::{fmt, sync::Arc, time::Duration};

use redis::{ErrorKind, RedisError};

use super::{StoreError, StoreErrorKind, location::AddressError};

/// The oldest server that has all that is used: since then what a script did is what replicas
/// repeat, and not the script.
const OLDEST: &str = "5.0";

/// What went wrong. Tells neither keys nor values nor passwords.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    #[error("the address makes no sense")]
    Address(#[from] AddressError),
    #[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
    #[error("the certificates or the key for TLS can't be used")]
    TlsMaterial(#[source] RedisError),
    #[error("Redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("not connected to Redis")]
    NotConnected(#[source] Arc<Self>),
    #[error("the connection to Redis failed")]
    Connection(#[source] RedisError),
    #[error("Redis answered with an error: {0}")]
    Answered(Answer),
    #[error("what answers there is not Redis")]
    NotRedis,
    #[error("the server has version {found}, and Redis {OLDEST} or later is needed")]
    TooOld { found: String },
    #[error(
        "the server can't tell of changes to what was read from it, as the near cache needs: Redis 6.0 or later does"
    )]
    TellsNoChanges,
    #[cfg(feature = "redis-pool")]
    #[error("the near cache needs connections of its own, and not those of a pool")]
    NearCacheOverPool,
    #[error("Redis answered with something else than what was asked for")]
    UnexpectedReply,
    #[error("the server is a replica, and not the master")]
    NotTheMaster,
    #[error("no sentinel tells where the master `{0}` is")]
    NoMaster(Arc<str>, #[source] Option<Arc<Self>>),
    #[error("the server is part of a cluster: give its address as redis+cluster://")]
    PartOfACluster,
    #[error("no node of the cluster serves the slot")]
    UnservedSlot,
    #[error("the cluster sent the request from node to node and none did it")]
    TooManyRedirects,
    #[cfg(feature = "redis-pool")]
    #[error("the pool has no connection to give: {0}")]
    Pool(String),
    #[error("`cache_keygen` makes the same Redis key of different session keys")]
    KeysCollide,
    #[error("the connection was cut, and the record has changed: it may have been by this request")]
    Uncertain,
}

/// An error that the server answered with.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    code: String,
    detail: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.detail)
    }
}

impl Answer {
    fn new(code: &str, detail: &str) -> Self {
        // A script's error is wrapped in one of the script's own before Redis 7.
        let inner = detail
            .split_once("@user_script:")
            .and_then(|(_, rest)| rest.split_once(' '))
            .map(|(_, rest)| rest.trim_start_matches('-'))
            .and_then(|rest| rest.split_once(' '))
            .filter(|(word, _)| code == "ERR" && is_code(word));
        let (code, detail) = inner.unwrap_or((code, detail));
        // Some answers go on with what they were asked.
        let detail = detail
            .split_once(", with args beginning with")
            .map_or(detail, |(before, _)| before);
        Self {
            code: code.to_owned(),
            detail: detail.trim().to_owned(),
        }
    }
}

fn is_code(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Where a cluster sends a request to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect<'a> {
    /// The slot is at this address from now on.
    Moved(&'a str),
    /// The key is at this address already, its slot is on the way.
    Ask(&'a str),
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) => Self::Answered(Answer::new(
                "WRONGPASS",
                "the user's name or password is not accepted",
            )),
            (_, Some(code)) => Self::Answered(Answer::new(code, error.detail().unwrap_or(""))),
            (ErrorKind::UnexpectedReturnType, None) => Self::UnexpectedReply,
            (_, None) => Self::Connection(error),
        }
    }
}

impl Fault {
    fn code(&self) -> &str {
        match self {
            Self::Answered(answer) => &answer.code,
            _ => "",
        }
    }

    /// Whether the server may have done what it was asked.
    pub(super) fn may_have_happened(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::TimedOut(_))
    }

    /// Whether the connection is of no use any more.
    pub(super) fn ends_connection(&self) -> bool {
        // A server that became a replica stays one: look for the master elsewhere.
        matches!(self, Self::Connection(_)) || self.code() == "READONLY"
    }

    /// Whether the node of a cluster can't serve its slots: somebody else may by now.
    pub(super) fn concerns_node(&self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::TimedOut(_))
            || self.ends_connection()
            || matches!(self.code(), "CLUSTERDOWN" | "MASTERDOWN" | "LOADING")
    }

    /// Whether the server doesn't know the script, or not any more.
    pub(super) fn is_unknown_script(&self) -> bool {
        self.code() == "NOSCRIPT"
    }

    /// Whether the keys are on the way to another node of the cluster.
    pub(super) fn is_passing(&self) -> bool {
        self.code() == "TRYAGAIN"
    }

    /// Whether the server refused a right that isn't needed to keep sessions.
    pub(super) fn is_missing_right(&self) -> bool {
        self.code() == "NOPERM"
    }

    pub(super) fn redirect(&self) -> Option<Redirect<'_>> {
        let Self::Answered(answer) = self else {
            return None;
        };
        let address = answer.detail.split_ascii_whitespace().nth(1)?;
        match answer.code.as_str() {
            "MOVED" => Some(Redirect::Moved(address)),
            "ASK" => Some(Redirect::Ask(address)),
            _ => None,
        }
    }

    /// What it means where the server is not taken for part of a cluster.
    pub(super) fn outside_of_clusters(self) -> Self {
        match self.code() {
            "MOVED" | "ASK" | "CROSSSLOT" | "CLUSTERDOWN" => Self::PartOfACluster,
            _ => self,
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NotConnected(cause) => cause.kind(),
            Self::NoMaster(_, Some(cause)) => cause.kind(),
            Self::Answered(answer) => answer.kind(),
            Self::Address(_)
            | Self::PartOfACluster
            | Self::KeysCollide
            | Self::NoMaster(_, None) => StoreErrorKind::Misconfigured,
            #[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
            Self::TlsMaterial(_) => StoreErrorKind::Misconfigured,
            #[cfg(feature = "redis-pool")]
            Self::NearCacheOverPool => StoreErrorKind::Misconfigured,
            Self::NotRedis | Self::TooOld { .. } | Self::TellsNoChanges | Self::UnexpectedReply => {
                StoreErrorKind::Incompatible
            }
            _ => StoreErrorKind::Unavailable,
        }
    }
}

impl Answer {
    fn kind(&self) -> StoreErrorKind {
        let detail = |text: &str| self.detail.contains(text);
        match self.code.as_str() {
            "WRONGTYPE" => StoreErrorKind::Corrupt,
            "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => StoreErrorKind::Denied,
            "ERR" if detail("invalid password") || detail("without any password") => {
                StoreErrorKind::Denied
            }
            "ERR" if detail("DB index") || detail("cluster support disabled") => {
                StoreErrorKind::Misconfigured
            }
            "ERR" if detail("SELECT is not allowed in cluster") => StoreErrorKind::Misconfigured,
            "ERR" if detail("unknown command") => StoreErrorKind::Incompatible,
            _ => StoreErrorKind::Unavailable,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind(), fault)
    }
}

/// Whether a server of this version is new enough.
pub(super) fn check_version(found: &str) -> Result<(), Fault> {
    let major = found.split('.').next().and_then(|part| part.parse().ok());
    match major {
        Some(5_u32..) => Ok(()),
        _ => Err(Fault::TooOld {
            found: found.chars().take(20).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of this answer of the server's.
    fn answered(line: &str) -> Fault {
        let (code, detail) = line.split_once(' ').unwrap();
        Fault::Answered(Answer::new(code, detail))
    }

    #[test]
    fn answers_have_their_kinds() {
        use StoreErrorKind::{Corrupt, Denied, Incompatible, Misconfigured, Unavailable};
        for (line, kind) in [
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                Corrupt,
            ),
            (
                "ERR Error running script (call to f_0): @user_script:3: WRONGTYPE Operation",
                Corrupt,
            ),
            (
                "ERR Error running script (call to f_0): @user_script:3: -READONLY You can't",
                Unavailable,
            ),
            ("NOAUTH Authentication required.", Denied),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Denied,
            ),
            (
                "NOPERM User default has no permissions to run the 'get' command",
                Denied,
            ),
            ("DENIED Redis is running in protected mode", Denied),
            ("ERR invalid password", Denied),
            ("ERR DB index is out of range", Misconfigured),
            (
                "ERR This instance has cluster support disabled",
                Misconfigured,
            ),
            (
                "ERR unknown command 'EVALSHA', with args beginning with: 'secret'",
                Incompatible,
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                Unavailable,
            ),
            ("BUSY Redis is busy running a script.", Unavailable),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                Unavailable,
            ),
            (
                "MISCONF Redis is configured to save RDB snapshots",
                Unavailable,
            ),
            ("CLUSTERDOWN Hash slot not served", Unavailable),
        ] {
            assert_eq!(answered(line).kind(), kind, "{line}");
        }
    }

    #[test]
    fn redirects_are_followed_in_clusters_and_explained_elsewhere() {
        let moved = answered("MOVED 3999 127.0.0.1:6381");
        assert_eq!(moved.redirect(), Some(Redirect::Moved("127.0.0.1:6381")));
        let ask = answered("ASK 3999 [::1]:6381");
        assert_eq!(ask.redirect(), Some(Redirect::Ask("[::1]:6381")));
        assert!(matches!(moved.outside_of_clusters(), Fault::PartOfACluster));
        assert_eq!(Fault::PartOfACluster.kind(), StoreErrorKind::Misconfigured);
    }

    #[test]
    fn answers_that_quote_the_request_are_cut() {
        let fault = answered("ERR unknown command 'EVALSHA', with args beginning with: 'secret'");
        assert!(!format!("{fault} {fault:?}").contains("secret"));
    }

    #[test]
    fn what_surely_did_not_happen_is_told_apart() {
        assert!(!answered("READONLY You can't write").may_have_happened());
        assert!(answered("READONLY You can't write").ends_connection());
        assert!(Fault::TimedOut(Duration::ZERO).may_have_happened());
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(Fault::from(broken).may_have_happened());
    }

    #[test]
    fn old_servers_are_named() {
        for version in ["5.0.0", "7.0.15", "255.255.255", "10.1"] {
            check_version(version).unwrap();
        }
        for version in ["2.8.24", "4.0.14", "", "x"] {
            let fault = check_version(version).unwrap_err();
            assert_eq!(fault.kind(), StoreErrorKind::Incompatible);
            assert!(fault.to_string().contains(&format!("version {version},")));
        }
    }
}
