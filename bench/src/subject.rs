//! The subjects of the measurements: servers that differ only in how they keep sessions.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A server of one kind. Subjects that are compared with each other are neighbors: they are measured one after the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    Bare,
    BareAxum,
    RedisFloor,
    RedisCached,
    PostgresFloor,
    Memory,
    TowerMemory,
    Cookie,
    ActixCookie,
    Sqlite,
    TowerSqlite,
    Postgres,
    TowerPostgres,
    MariaDb,
    TowerMariaDb,
    RedisNear,
    RedisLazy,
    Redis,
    ActixRedis,
    TowerRedis,
}

/// The library of the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// The server without a session layer.
    None,
    Sessile,
    ActixSession,
    TowerSessions,
}

/// The place of the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    Nothing,
    Memory,
    Cookie,
    Sqlite,
    Postgres,
    MariaDb,
    Redis,
}

/// The properties of a subject.
struct Facts {
    label: &'static str,
    library: Library,
    keeper: Keeper,
}

impl Subject {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its name on the command line and in the results.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Its name in the report.
    pub(crate) fn label(self) -> &'static str {
        self.facts().label
    }

    pub(crate) fn library(self) -> Library {
        self.facts().library
    }

    pub(crate) fn keeper(self) -> Keeper {
        self.facts().keeper
    }

    /// Whether it has sessions.
    pub(crate) fn has_sessions(self) -> bool {
        self.library() != Library::None
    }

    /// The same server without a session layer, by whose cost its cost is divided.
    pub(crate) fn baseline(self) -> Self {
        match self {
            Self::BareAxum
            | Self::TowerMemory
            | Self::TowerSqlite
            | Self::TowerPostgres
            | Self::TowerMariaDb
            | Self::TowerRedis => Self::BareAxum,
            _ => Self::Bare,
        }
    }

    /// The program that serves it.
    pub(crate) fn program(self) -> &'static str {
        match self.baseline() {
            Self::BareAxum => "sessile-bench-peers",
            _ => "sessile-bench",
        }
    }

    /// The subjects that do the same with other libraries, for comparison.
    pub(crate) fn peers(self) -> &'static [Self] {
        match self {
            Self::Memory => &[Self::TowerMemory],
            Self::Cookie => &[Self::ActixCookie],
            Self::Sqlite => &[Self::TowerSqlite],
            Self::Postgres => &[Self::TowerPostgres],
            Self::MariaDb => &[Self::TowerMariaDb],
            Self::Redis | Self::RedisNear | Self::RedisLazy => {
                &[Self::ActixRedis, Self::TowerRedis]
            }
            _ => &[],
        }
    }

    fn facts(self) -> Facts {
        let (label, library, keeper) = match self {
            Self::Bare => ("Actix Web, no sessions", Library::None, Keeper::Nothing),
            Self::BareAxum => ("axum, no sessions", Library::None, Keeper::Nothing),
            Self::Memory => ("sessile, memory", Library::Sessile, Keeper::Memory),
            Self::Cookie => ("sessile, cookie", Library::Sessile, Keeper::Cookie),
            Self::Sqlite => ("sessile, SQLite", Library::Sessile, Keeper::Sqlite),
            Self::Postgres => ("sessile, PostgreSQL", Library::Sessile, Keeper::Postgres),
            Self::MariaDb => ("sessile, MariaDB", Library::Sessile, Keeper::MariaDb),
            Self::Redis => ("sessile, Redis", Library::Sessile, Keeper::Redis),
            Self::RedisNear => (
                "sessile, Redis with near cache",
                Library::Sessile,
                Keeper::Redis,
            ),
            Self::RedisLazy => (
                "sessile, Redis, lazy loading",
                Library::Sessile,
                Keeper::Redis,
            ),
            Self::ActixCookie => (
                "actix-session, cookie",
                Library::ActixSession,
                Keeper::Cookie,
            ),
            Self::ActixRedis => ("actix-session, Redis", Library::ActixSession, Keeper::Redis),
            Self::TowerMemory => (
                "tower-sessions, memory",
                Library::TowerSessions,
                Keeper::Memory,
            ),
            Self::TowerSqlite => (
                "tower-sessions, SQLite",
                Library::TowerSessions,
                Keeper::Sqlite,
            ),
            Self::TowerPostgres => (
                "tower-sessions, PostgreSQL",
                Library::TowerSessions,
                Keeper::Postgres,
            ),
            Self::TowerMariaDb => (
                "tower-sessions, MariaDB",
                Library::TowerSessions,
                Keeper::MariaDb,
            ),
            Self::TowerRedis => (
                "tower-sessions, Redis",
                Library::TowerSessions,
                Keeper::Redis,
            ),
            Self::RedisFloor => ("the bare commands of Redis", Library::None, Keeper::Redis),
            Self::RedisCached => (
                "a bare `GET`, cached by the `redis` crate",
                Library::None,
                Keeper::Redis,
            ),
            Self::PostgresFloor => (
                "the bare statements of PostgreSQL",
                Library::None,
                Keeper::Postgres,
            ),
        };
        Facts {
            label,
            library,
            keeper,
        }
    }
}

/// A request of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Has a session, and reads one value of it.
    Read,
    /// Has a session, and increments a number in it.
    Change,
    /// Has the cookie of a session; the handler does not use it.
    Idle,
    /// Has no cookie; the handler reads a missing value.
    None,
    /// Has no cookie, and begins a session.
    Create,
}

impl Kind {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Change => "changes",
            Self::Idle => "touches nothing",
            Self::None => "no cookie",
            Self::Create => "begins",
        }
    }

    /// Whether a subject answers requests of this kind. The bare commands stand for reads and changes, and the cached
    /// ones for reads.
    pub(crate) fn suits(self, subject: Subject) -> bool {
        match subject {
            Subject::RedisFloor | Subject::PostgresFloor => {
                matches!(self, Self::Read | Self::Change)
            }
            Subject::RedisCached => self == Self::Read,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_has_no_sessions_and_no_store() {
        for subject in Subject::all() {
            let baseline = subject.baseline();

            assert!(!baseline.has_sessions(), "{subject:?}");
            assert_eq!(baseline.keeper(), Keeper::Nothing, "{subject:?}");
            assert_eq!(baseline.baseline(), baseline, "{subject:?}");
        }
    }

    #[test]
    fn a_peer_uses_another_library() {
        for subject in Subject::all() {
            for peer in subject.peers() {
                assert_ne!(peer.library(), subject.library(), "{subject:?}");
                assert_eq!(peer.keeper(), subject.keeper(), "{subject:?}");
            }
        }
    }
}
