//! What differs between the database servers in the tests.

use deadpool_postgres::{Hook, HookError, Manager, Pool, Runtime};
use sessile::storage::{PostgresSessionStore, PostgresSessionStoreBuilder, SessionId};
use sessile_rig::postgres::Postgres;
use tokio_postgres::{Client, NoTls};

pub(crate) type Server = Postgres;
pub(crate) type Store = PostgresSessionStore;
pub(crate) type Builder = PostgresSessionStoreBuilder;

/// How metrics name it.
#[cfg(feature = "metrics")]
pub(crate) const BACKEND: &str = "postgresql";
pub(crate) const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
pub(crate) const LONGEST_TABLE: usize = 55;
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

/// Changes to the tables, and what the error must say.
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
    (
        "ALTER TABLE sessile_sessions_marks DROP COLUMN exempt",
        "no column `exempt`",
    ),
    (
        "ALTER TABLE sessile_sessions_marks DROP CONSTRAINT sessile_sessions_marks_pkey",
        "`subject` is no primary key",
    ),
];

/// Changes that make the server reject a value, and how to revert them.
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

/// A connection of the test's own.
pub(crate) async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn pool(server: &Server) -> Pool {
    pool_to(&server.url()).await
}

pub(crate) async fn pool_to(address: &str) -> Pool {
    pool_at(address, 5)
}

/// Whether no connection of the pool is in use.
pub(crate) fn is_idle(pool: &Pool) -> bool {
    pool.status().available == pool.status().size
}

/// A pool of at most so many connections.
pub(crate) fn pool_at(address: &str, connections: usize) -> Pool {
    let manager = Manager::new(address.parse().unwrap(), NoTls);
    let pool = Pool::builder(manager).max_size(connections);
    pool.runtime(Runtime::Tokio1).build().unwrap()
}

/// A pool with unusual settings.
pub(crate) async fn odd_pool(server: &Server) -> Pool {
    let manager = Manager::new(server.url().parse().unwrap(), NoTls);
    let set = Hook::async_fn(|client, _| {
        Box::pin(async move {
            let set = "SET standard_conforming_strings = off";
            let set = client.batch_execute(set).await;
            set.map_err(HookError::Backend)
        })
    });
    Pool::builder(manager).post_create(set).build().unwrap()
}

/// A store has as many connections as it needs.
pub(crate) fn at_most(builder: Builder, _connections: usize) -> Builder {
    builder
}

/// A transaction that holds locks.
pub(crate) struct Holder(Client);

/// Takes the locks that `sql` takes.
pub(crate) async fn hold(server: &Server, sql: &str) -> Holder {
    let client = connect(&server.url()).await;
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute(sql).await.unwrap();
    Holder(client)
}

impl Holder {
    pub(crate) async fn release(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// `sql` as the store's user runs it.
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

pub(crate) fn grant(server: &Server, right: &str, table: &str, name: &str) {
    let grant = format!("GRANT {right} ON {table} TO {name}");
    server.execute(&grant).unwrap();
}

pub(crate) fn revoke(server: &Server, right: &str, table: &str, name: &str) {
    let revoke = format!("REVOKE {right} ON {table} FROM {name}");
    server.execute(&revoke).unwrap();
}

/// The statement that inserts rows that expired 1, 2, 3, … milliseconds after the Unix epoch.
pub(crate) fn insert_expired(count: u32) -> String {
    format!(
        "INSERT INTO sessile_sessions (id, version, due_at, expires_at, record)
         SELECT decode(lpad(to_hex(it), 32, '0'), 'hex'), 0, it, it, ''
         FROM generate_series(1, {count}) AS it"
    )
}

/// The builder with its tables in this schema.
pub(crate) fn in_schema(builder: Builder, schema: &str) -> Builder {
    builder.schema(schema)
}

/// An id in a statement.
pub(crate) fn id_literal(id: &SessionId) -> String {
    let hex = id.as_bytes().map(|byte| format!("{byte:02x}")).concat();
    format!("decode('{hex}', 'hex')")
}

/// The expression that shows a column of bytes.
pub(crate) fn hex(column: &str) -> String {
    format!("encode({column}, 'hex')")
}

/// The round trips of a sign-in under a limit, and of ending the sessions of a subject.
pub(crate) const SIGN_IN_ROUND_TRIPS: usize = 1;
pub(crate) const END_ROUND_TRIPS: usize = 1;

/// Three columns without values, as the client prints them.
pub(crate) const NO_VALUES: &str = "||";

/// The statement that changes the password of the store's user.
pub(crate) fn set_password(password: &str) -> String {
    format!("ALTER ROLE sessile PASSWORD '{password}'")
}

/// Ends all connections of the store's user.
pub(crate) fn cut_all(server: &Server) {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sessile'";
    server.execute(cut).unwrap();
}

/// The number of connections of the store's user.
pub(crate) fn connections(server: &Server) -> u32 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessile'";
    server.execute(count).unwrap().trim().parse().unwrap()
}

/// Waits until a query has this result.
pub(crate) fn until(server: &Server, (question, answer): (&str, &str)) {
    while server.execute(question).unwrap() != answer {
        std::thread::yield_now();
    }
}
