//! The servers of tower-sessions, in a workspace of their own: its stores for databases need another version of SQLite
//! than sessile's, and a program can have only one.
//!
//! `cargo xtask bench` builds this program, and the benchmark starts it as it starts itself: `serve SUBJECT --store URL`.

mod app;
#[path = "../../src/measure/cores.rs"]
mod cores;
#[path = "../../src/serve/shared.rs"]
mod shared;

use anyhow::Context as _;
use axum::Router;
use clap::{Parser, ValueEnum};
use tower_sessions::MemoryStore;
use tower_sessions_redis_store::{
    RedisStore,
    fred::prelude::{ClientLike as _, Config, Pool},
};
use tower_sessions_sqlx_store::{
    MySqlStore, PostgresStore, SqliteStore,
    sqlx::{
        MySqlPool, PgPool,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
    },
};

#[derive(Parser)]
#[command(subcommand_required = true)]
enum Command {
    Serve {
        #[arg(value_enum)]
        subject: Subject,
        /// The URL of the subject's store, or the path of its database.
        #[arg(long, default_value = "")]
        store: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    BareAxum,
    TowerMemory,
    TowerSqlite,
    TowerPostgres,
    TowerMariaDb,
    TowerRedis,
}

fn main() -> anyhow::Result<()> {
    let Command::Serve { subject, store } = Command::parse();
    cores::pin(0)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(subject, &store))
}

/// Serves the subject.
async fn run(subject: Subject, url: &str) -> anyhow::Result<()> {
    match subject {
        Subject::BareAxum => serve(app::bare()).await,
        Subject::TowerMemory => serve(app::with_sessions(MemoryStore::default())).await,
        Subject::TowerSqlite => {
            let file = SqliteConnectOptions::new()
                .filename(url)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal);
            // With several connections, its transactions fail because the database is locked.
            let pool = SqlitePoolOptions::new().max_connections(1);
            let store = SqliteStore::new(pool.connect_with(file).await?);
            store.migrate().await?;
            serve(app::with_sessions(store)).await
        }
        Subject::TowerPostgres => {
            let store = PostgresStore::new(PgPool::connect(url).await?);
            store.migrate().await?;
            serve(app::with_sessions(store)).await
        }
        Subject::TowerMariaDb => {
            let (_, database) = url.rsplit_once('/').context("the URL names no database")?;
            let store = MySqlStore::new(MySqlPool::connect(url).await?)
                .with_schema_name(database)
                .map_err(anyhow::Error::msg)?;
            store.migrate().await?;
            serve(app::with_sessions(store)).await
        }
        Subject::TowerRedis => {
            let pool = Pool::new(Config::from_url(url)?, None, None, None, 6)?;
            let connections = pool.connect();
            pool.wait_for_connect().await?;
            serve(app::with_sessions(RedisStore::new(pool))).await?;
            connections.await.context("can't wait for Redis")??;
            Ok(())
        }
    }
}

async fn serve(app: Router) -> anyhow::Result<()> {
    let listener = shared::listen()?;
    listener.set_nonblocking(true)?;
    Ok(axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await?)
}
