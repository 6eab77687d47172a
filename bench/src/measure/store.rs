//! The servers and files with the sessions, one for each subject.

use anyhow::{Context as _, ensure};
use sessile_rig::{
    database::{Database, Kind},
    mariadb::MariaDb,
    postgres::Postgres,
    redis::Redis,
};
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;

use super::server::Server;
use crate::subject::{Keeper, Subject};

/// The servers that the rig starts for tests have little memory for sessions.
const ROOM: &[&str] = &["innodb_buffer_pool_size=512M", "innodb_log_file_size=256M"];

pub(super) enum Store {
    /// In the server itself, in the browser, or no sessions at all.
    Within,
    Redis(Redis),
    Sqlite(TempDir),
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Store {
    /// An empty store for this subject.
    pub(super) fn start(subject: Subject) -> anyhow::Result<Self> {
        Ok(match subject.keeper() {
            Keeper::Nothing | Keeper::Memory | Keeper::Cookie => Self::Within,
            Keeper::Redis => Self::Redis(Redis::start_with(&["--appendonly", "no"])?),
            Keeper::Sqlite => Self::Sqlite(TempDir::with_prefix("sessile-bench-")?),
            Keeper::Postgres => Self::Postgres(Postgres::start()?),
            Keeper::MariaDb => Self::MariaDb(MariaDb::start_with(ROOM)?),
        })
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::Within => String::new(),
            Self::Redis(redis) => redis.url(),
            Self::Postgres(postgres) => postgres.url(),
            Self::MariaDb(mariadb) => mariadb.url(),
            Self::Sqlite(folder) => folder.path().join("sessions.db").display().to_string(),
        }
    }

    /// The same, reached through a proxy on this port.
    pub(super) fn url_on(&self, port: u16) -> String {
        match self {
            Self::Redis(_) => format!("redis://127.0.0.1:{port}"),
            Self::Postgres(postgres) => postgres.url_on(port),
            Self::MariaDb(mariadb) => mariadb.url_on(port),
            Self::Within | Self::Sqlite(_) => self.url(),
        }
    }

    /// The port that it listens on, if it is a server.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Within | Self::Sqlite(_) => None,
            Self::Redis(redis) => Some(redis.port()),
            Self::Postgres(postgres) => Some(postgres.port()),
            Self::MariaDb(mariadb) => Some(mariadb.port()),
        }
    }

    /// The name and version of the server, if there is one.
    pub(super) async fn version(&self) -> anyhow::Result<Option<(String, String)>> {
        let (name, version) = match self {
            Self::Within => return Ok(None),
            Self::Redis(redis) => ("Redis", info(redis, "server", "redis_version")?),
            Self::Sqlite(_) => ("SQLite", self.ask_sqlite("SELECT sqlite_version()").await?),
            Self::Postgres(postgres) => ("PostgreSQL", ask(postgres, "SHOW server_version")?),
            Self::MariaDb(mariadb) => ("MariaDB", ask(mariadb, "SELECT version()")?),
        };
        Ok(Some((name.to_owned(), version)))
    }

    /// Lets the server count its requests, if it does not do so by itself.
    pub(super) fn start_counting(&self) -> anyhow::Result<()> {
        if let Self::Postgres(postgres) = self {
            postgres.execute("ALTER SYSTEM SET log_statement = 'all'")?;
            postgres.execute("SELECT pg_reload_conf()")?;
        }
        Ok(())
    }

    /// The number of requests that it received, if it is a server. Each round trip is one, as long as requests are
    /// sequential.
    pub(super) fn round_trips(&self) -> anyhow::Result<Option<u64>> {
        match self {
            Self::Within | Self::Sqlite(_) => Ok(None),
            Self::Redis(redis) => {
                let reads = info(redis, "stats", "total_reads_processed")?;
                Ok(Some(reads.parse()?))
            }
            Self::Postgres(postgres) => {
                // The log lines of a statement with parameters, and of one without.
                let is_asked =
                    |line: &&str| line.contains(" execute ") || line.contains(" statement: ");
                let asked = postgres.output().lines().filter(is_asked).count();
                Ok(Some(u64::try_from(asked)?))
            }
            Self::MariaDb(mariadb) => {
                const QUESTIONS: &str = "
                    SELECT variable_value FROM information_schema.global_status
                    WHERE variable_name = 'Questions'";
                Ok(Some(ask(mariadb, QUESTIONS)?.parse()?))
            }
        }
    }

    /// The bytes that the sessions take, here or in the server.
    pub(super) async fn bytes(&self, server: &Server) -> anyhow::Result<u64> {
        match self {
            Self::Within => server.resident_bytes(),
            Self::Redis(redis) => Ok(info(redis, "memory", "used_memory")?.parse()?),
            Self::Postgres(postgres) => {
                const TABLES: &str = "SELECT pg_database_size(current_database())";
                Ok(ask(postgres, TABLES)?.parse()?)
            }
            Self::MariaDb(mariadb) => {
                const TABLES: &str = "
                    SELECT sum(file_size) FROM information_schema.innodb_sys_tablespaces
                    WHERE name LIKE concat(database(), '/%')";
                Ok(ask(mariadb, TABLES)?.parse()?)
            }
            Self::Sqlite(_) => {
                const PAGES: &str = "
                    SELECT CAST(page_count * page_size AS TEXT)
                    FROM pragma_page_count(), pragma_page_size()";
                Ok(self.ask_sqlite(PAGES).await?.parse()?)
            }
        }
    }

    async fn ask_sqlite(&self, question: &'static str) -> anyhow::Result<String> {
        let mut connection = self.connect().await?;
        Ok(sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await?)
    }

    /// The table of a database.
    pub(super) async fn table(&self) -> anyhow::Result<Table> {
        let (key, random_key) = match self {
            Self::Postgres(_) => (
                "id",
                "decode(replace(gen_random_uuid()::text, '-', ''), 'hex')",
            ),
            Self::MariaDb(_) => ("id", "unhex(md5(uuid()))"),
            // The slot of a session is a part of its id. No statement looks these rows up, so theirs differ.
            _ => ("slot, id", "random(), randomblob(16)"),
        };
        Ok(Table {
            connection: self.connect().await?,
            key,
            random_key,
        })
    }

    async fn connect(&self) -> anyhow::Result<AnyConnection> {
        sqlx::any::install_default_drivers();
        let url = match self {
            Self::Sqlite(_) => format!("sqlite://{}", self.url()),
            other => other.url(),
        };
        Ok(AnyConnection::connect(&url).await?)
    }
}

/// A table of sessions, and a separate connection to it.
pub(super) struct Table {
    connection: AnyConnection,
    /// The columns that differ in each row.
    key: &'static str,
    /// The SQL of random values for these columns.
    random_key: &'static str,
}

impl Table {
    /// Adds rows that expired long ago and are otherwise copies of an existing row. Each statement doubles
    /// their number, because storing a million sessions through a store takes minutes.
    pub(super) async fn add_expired(&mut self, rows: u64) -> anyhow::Result<()> {
        let copy = |from: &str, at_most: u64| {
            sqlx::AssertSqlSafe(format!(
                "INSERT INTO sessile_sessions ({}, version, due_at, expires_at, record)
                 SELECT {}, version, 1, 1, record FROM sessile_sessions
                 WHERE {from} LIMIT {at_most}",
                self.key, self.random_key
            ))
        };
        let mut added = 0;
        while added < rows {
            let (from, at_most) = match added {
                0 => ("expires_at > 1", 1),
                _ => ("expires_at = 1", rows - added),
            };
            let inserted = sqlx::query(copy(from, at_most))
                .execute(&mut self.connection)
                .await?
                .rows_affected();
            ensure!(inserted > 0, "there is no row to copy");
            added += inserted;
        }
        Ok(())
    }

    /// Whether it has more rows than this, without counting all of them.
    pub(super) async fn has_more_than(&mut self, rows: usize) -> anyhow::Result<bool> {
        let rows = i64::try_from(rows)?;
        let limit = rows + 1;
        let question =
            format!("SELECT count(*) FROM (SELECT 1 FROM sessile_sessions LIMIT {limit}) AS few");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(question))
            .fetch_one(&mut self.connection)
            .await?;
        Ok(found > rows)
    }
}

/// The answer of a database server.
fn ask<K: Kind>(database: &Database<K>, question: &str) -> anyhow::Result<String> {
    Ok(database.execute(question)?.trim().to_owned())
}

/// One field of the reply to `INFO`.
fn info(redis: &Redis, section: &str, name: &str) -> anyhow::Result<String> {
    let reply = redis.command(&["INFO", section])?;
    let text = reply.text().context("the reply to `INFO` is not text")?;
    field(&text, name).with_context(|| format!("the reply to `INFO` has no {name}"))
}

fn field(info: &str, name: &str) -> Option<String> {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(found, _)| *found == name)?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Memory\r\nused_memory_human:1M\r\nused_memory:1048576\r\n";

        assert_eq!(field(info, "used_memory").as_deref(), Some("1048576"));
        assert_eq!(field(info, "used"), None);
    }
}
