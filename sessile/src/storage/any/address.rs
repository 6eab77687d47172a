//! Which store an address names.

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Memory,
    Cookie,
    Sqlite,
    Postgres,
    MySql,
    Redis,
    RedisActor,
}

impl Kind {
    /// The schemes of each kind's addresses.
    const SCHEMES: &[(&str, Self)] = &[
        ("memory", Self::Memory),
        ("cookie", Self::Cookie),
        ("sqlite", Self::Sqlite),
        ("postgres", Self::Postgres),
        ("postgresql", Self::Postgres),
        ("mysql", Self::MySql),
        ("mariadb", Self::MySql),
        ("redis", Self::Redis),
        ("rediss", Self::Redis),
        ("redis+cluster", Self::Redis),
        ("rediss+cluster", Self::Redis),
        ("redis+sentinel", Self::Redis),
        ("rediss+sentinel", Self::Redis),
        ("redis+unix", Self::Redis),
        ("redis+actor", Self::RedisActor),
        ("rediss+actor", Self::RedisActor),
    ];

    /// The kind of store that `address` asks for.
    pub(super) fn of(address: &str) -> Result<Self, AddressError> {
        let (scheme, _) = address.split_once(':').ok_or(AddressError::Scheme)?;
        let scheme = scheme.replacen("valkey", "redis", 1);
        Self::SCHEMES
            .iter()
            .find(|(known, _)| scheme == *known)
            .map(|(_, kind)| *kind)
            .ok_or(AddressError::Scheme)
    }

    /// The feature that compiles it in; none for the one that always is.
    pub(super) const fn feature(self) -> &'static str {
        match self {
            Self::Memory => "",
            Self::Cookie => "cookie-session",
            Self::Sqlite => "sqlite-session",
            Self::Postgres => "postgres-session",
            Self::MySql => "mysql-session",
            Self::Redis => "redis-session",
            Self::RedisActor => "redis-actor-session",
        }
    }
}

/// Why an address names no store. It does not quote the address, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error(
        "the address begins with none of memory:, cookie:, sqlite:, postgres:, mysql:, redis:, \
         rediss:, redis+cluster:, redis+sentinel:, redis+unix:, redis+actor: and the like"
    )]
    Scheme,
    #[error("this store is not compiled in: it needs the feature {feature} of sessile")]
    NotCompiled { feature: &'static str },
    #[error("an address with memory: or cookie: has nothing after the colon")]
    Extra,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        for (address, kind) in [
            ("memory:", Kind::Memory),
            ("sqlite::memory:", Kind::Sqlite),
            ("sqlite:sessions.db", Kind::Sqlite),
            ("postgresql://host/db", Kind::Postgres),
            ("mariadb://host/db", Kind::MySql),
            ("rediss+sentinel://a,b/name", Kind::Redis),
            ("redis+unix:/run/redis.sock", Kind::Redis),
            ("redis+actor://host", Kind::RedisActor),
            ("valkeys://host", Kind::Redis),
        ] {
            assert_eq!(Kind::of(address), Ok(kind), "{address}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused() {
        for address in [
            "",
            "sessions.db",
            "localhost:6379",
            "http://host",
            "SQLite:x",
            ":",
            "//",
        ] {
            assert_eq!(Kind::of(address), Err(AddressError::Scheme), "{address}");
        }
    }
}
