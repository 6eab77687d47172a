//! What the tests of every SQL store need to know about this one.

use sessile::storage::{PostgresSessionStore, PostgresSessionStoreBuilder};
use sessile_rig::postgres::Postgres;
use sqlx::{Executor as _, PgPool, postgres::PgPoolOptions};

pub(crate) type Server = Postgres;
pub(crate) type Store = PostgresSessionStore;
pub(crate) type Builder = PostgresSessionStoreBuilder;

pub(crate) const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
pub(crate) const LONGEST_NAME: usize = 63;
pub(crate) const CREATE_SCHEMA: &str = "CREATE SCHEMA \"Some_schema\" AUTHORIZATION sessile";
pub(crate) const RENAME_COLUMN: &str = "ALTER TABLE sessile_sessions RENAME record TO other";

pub(crate) const ODD_SETTINGS: &[&str] = &[
    "default_transaction_isolation=serializable",
    "timezone=Asia/Kathmandu",
    "default_transaction_deferrable=on",
    "plan_cache_mode=force_generic_plan",
];

pub(crate) const READ_ONLY: &str = "ALTER DATABASE sessile SET default_transaction_read_only = on;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sessile'";
pub(crate) const IS_READ_ONLY: (&str, &str) = ("SHOW default_transaction_read_only", "on\n");
pub(crate) const WRITABLE: &str =
    "SET TRANSACTION READ WRITE; ALTER DATABASE sessile RESET default_transaction_read_only";
pub(crate) const IS_WRITABLE: (&str, &str) = ("SHOW default_transaction_read_only", "off\n");

/// Changes to the table, and what has to be said about each.
pub(crate) const SHAPES: &[(&str, &str)] = &[
    (RENAME_COLUMN, "no column `record`"),
    (
        "ALTER TABLE sessile_sessions ALTER version TYPE int",
        "`version` is integer and not bigint",
    ),
    (
        "ALTER TABLE sessile_sessions ALTER record TYPE json USING record::json",
        "`record` is json and not text",
    ),
    (
        "ALTER TABLE sessile_sessions DROP CONSTRAINT sessile_sessions_pkey",
        "`id` is no primary key",
    ),
];

/// Changes that make the server complain about a value, and what takes them back.
pub(crate) const COMPLAINTS: &[(&str, &str)] = &[
    (
        "ALTER TABLE sessile_sessions ADD CONSTRAINT short CHECK (record NOT LIKE '%4711472%')",
        "ALTER TABLE sessile_sessions DROP CONSTRAINT short",
    ),
    (
        "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'bad: %', NEW; END $$;
         CREATE TRIGGER complain BEFORE UPDATE ON sessile_sessions
             FOR EACH ROW EXECUTE FUNCTION complain()",
        "DROP FUNCTION complain CASCADE",
    ),
    (
        "CREATE FUNCTION parse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.version := (NEW.record::text)::bigint; RETURN NEW; END $$;
         CREATE TRIGGER parse BEFORE UPDATE ON sessile_sessions
             FOR EACH ROW EXECUTE FUNCTION parse()",
        "DROP FUNCTION parse CASCADE",
    ),
];

pub(crate) async fn pool(server: &Server) -> PgPool {
    let options = PgPoolOptions::new().max_connections(5);
    options.connect(&server.url()).await.unwrap()
}

/// One with settings of its own.
pub(crate) async fn odd_pool(server: &Server) -> PgPool {
    let options = PgPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move {
            connection
                .execute("SET standard_conforming_strings = off")
                .await?;
            Ok(())
        })
    });
    options.connect(&server.url()).await.unwrap()
}

/// `sql` as the store's own user runs it.
pub(crate) fn as_user(sql: &str) -> String {
    format!("SET ROLE sessile; {sql}")
}

pub(crate) fn comment(text: &str) -> String {
    format!("COMMENT ON TABLE sessile_sessions IS '{text}'")
}

pub(crate) fn add_user(server: &Server, name: &str) {
    let add = format!("CREATE ROLE {name} LOGIN PASSWORD 'word'");
    server.execute(&add).unwrap();
}

pub(crate) fn grant(server: &Server, right: &str, name: &str) {
    let grant = format!("GRANT {right} ON sessile_sessions TO {name}");
    server.execute(&grant).unwrap();
}

pub(crate) fn revoke(server: &Server, right: &str, name: &str) {
    let revoke = format!("REVOKE {right} ON sessile_sessions FROM {name}");
    server.execute(&revoke).unwrap();
}

/// Rows that ended 1, 2, 3, … milliseconds after the Unix epoch.
pub(crate) fn insert_expired(count: u32) -> String {
    format!(
        "INSERT INTO sessile_sessions (id, secret, version, expires_at, record)
         SELECT 'expired' || it, '', 0, it, '' FROM generate_series(1, {count}) AS it"
    )
}

/// How many connections the store's user has.
pub(crate) fn connections(server: &Server) -> u32 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessile'";
    server.execute(count).unwrap().trim().parse().unwrap()
}

/// Waits until a question has this answer.
pub(crate) fn until(server: &Server, (question, answer): (&str, &str)) {
    while server.execute(question).unwrap() != answer {
        std::thread::yield_now();
    }
}
