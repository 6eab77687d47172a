//! The servers and files that sessions are kept in, one for each subject so that nobody's numbers mix.

use anyhow::Context as _;
use sessile_rig::redis::Redis;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::server::Server;
use crate::subject::{Keeper, Subject};

pub(super) enum Store {
    /// In the server itself, in the browser, or nowhere.
    Within,
    Redis(Redis),
    Sqlite(TempDir),
}

impl Store {
    /// What this subject keeps its sessions in, empty.
    pub(super) fn start(subject: Subject) -> anyhow::Result<Self> {
        Ok(match subject.keeper() {
            Keeper::Nobody | Keeper::Memory | Keeper::Cookie => Self::Within,
            Keeper::Redis => Self::Redis(Redis::start_with(&["--appendonly", "no"])?),
            Keeper::Sqlite => Self::Sqlite(TempDir::with_prefix("sessile-bench-")?),
        })
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::Within => String::new(),
            Self::Redis(redis) => redis.url(),
            Self::Sqlite(folder) => folder.path().join("sessions.db").display().to_string(),
        }
    }

    /// The name and version of the server, if there is one.
    pub(super) async fn version(&self) -> anyhow::Result<Option<(String, String)>> {
        let (name, version) = match self {
            Self::Within => return Ok(None),
            Self::Redis(redis) => ("Redis", info(redis, "server", "redis_version")?),
            Self::Sqlite(_) => ("SQLite", self.ask_sqlite("SELECT sqlite_version()").await?),
        };
        Ok(Some((name.to_owned(), version)))
    }

    /// How often a server of its own has read something from its clients: once for each round trip
    /// as long as there is one request at a time.
    pub(super) fn reads(&self) -> anyhow::Result<Option<u64>> {
        match self {
            Self::Redis(redis) => {
                let reads = info(redis, "stats", "total_reads_processed")?;
                Ok(Some(reads.parse()?))
            }
            Self::Within | Self::Sqlite(_) => Ok(None),
        }
    }

    /// How much is kept, here or in the server.
    pub(super) async fn bytes(&self, server: &Server) -> anyhow::Result<u64> {
        match self {
            Self::Within => server.resident_bytes(),
            Self::Redis(redis) => Ok(info(redis, "memory", "used_memory")?.parse()?),
            Self::Sqlite(_) => {
                const PAGES: &str = "
                    SELECT CAST(page_count * page_size AS TEXT)
                    FROM pragma_page_count(), pragma_page_size()";
                Ok(self.ask_sqlite(PAGES).await?.parse()?)
            }
        }
    }

    async fn ask_sqlite(&self, question: &'static str) -> anyhow::Result<String> {
        let options = SqliteConnectOptions::new().filename(self.url());
        let mut connection = SqliteConnection::connect_with(&options).await?;
        Ok(sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await?)
    }
}

/// One line of what a Redis server tells of itself.
fn info(redis: &Redis, section: &str, name: &str) -> anyhow::Result<String> {
    let reply = redis.command(&["INFO", section])?;
    let text = reply.text().context("Redis doesn't tell of itself")?;
    field(&text, name).with_context(|| format!("Redis doesn't tell its {name}"))
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
