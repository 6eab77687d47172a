//! What differs between the database servers in the tests.

use sessile::storage::{MySqlSessionStore, MySqlSessionStoreBuilder, SessionId};
use sessile_rig::mariadb::MariaDb;
use sqlx::{
    AssertSqlSafe, Connection as _, MySqlConnection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

pub(crate) type Server = MariaDb;
pub(crate) type Store = MySqlSessionStore;
pub(crate) type Builder = MySqlSessionStoreBuilder;

/// How metrics name it.
#[cfg(feature = "metrics")]
pub(crate) const BACKEND: &str = "mysql";
pub(crate) const SCHEMES: [&str; 2] = ["mysql", "mariadb"];
pub(crate) const LONGEST_TABLE: usize = 56;
pub(crate) const CREATE_SCHEMA: &str =
    "CREATE DATABASE Some_schema; GRANT ALL ON Some_schema.* TO sessile@'%'";
pub(crate) const RENAME_COLUMN: &str = "ALTER TABLE sessile_sessions RENAME COLUMN record TO other";

pub(crate) const ODD_SETTINGS: &[&str] = &[
    "transaction-isolation=SERIALIZABLE",
    "autocommit=0",
    "default-time-zone=+05:45",
    "sql-mode=ANSI,TRADITIONAL,SIMULTANEOUS_ASSIGNMENT,NO_BACKSLASH_ESCAPES",
    "character-set-server=latin1",
];

pub(crate) const READ_ONLY: &str = "SET GLOBAL read_only = 1";
pub(crate) const IS_READ_ONLY: (&str, &str) = ("SELECT @@read_only", "1\n");
pub(crate) const WRITABLE: &str = "SET GLOBAL read_only = 0";
pub(crate) const IS_WRITABLE: (&str, &str) = ("SELECT @@read_only", "0\n");

/// Changes to the tables, and what the error must say.
pub(crate) const SHAPES: &[(&str, &str)] = &[
    (RENAME_COLUMN, "no column `record`"),
    (
        "ALTER TABLE sessile_sessions MODIFY version BIGINT NOT NULL",
        "`version` is bigint and not bigint unsigned",
    ),
    (
        "ALTER TABLE sessile_sessions MODIFY record TEXT CHARACTER SET latin1 NOT NULL",
        "`record` is text latin1_swedish_ci and not longtext utf8mb4_bin",
    ),
    (
        "ALTER TABLE sessile_sessions MODIFY id VARBINARY(16) NOT NULL",
        "`id` is varbinary(16) and not binary(16)",
    ),
    (
        "ALTER TABLE sessile_sessions_marks DROP COLUMN exempt",
        "no column `exempt`",
    ),
    (
        "ALTER TABLE sessile_sessions DROP PRIMARY KEY",
        "`id` is no primary key",
    ),
    (
        "ALTER TABLE sessile_sessions ENGINE = MyISAM",
        "its engine is not InnoDB",
    ),
];

/// Changes that make the server reject a value, and how to revert them.
pub(crate) const COMPLAINTS: &[(&str, &str)] = &[
    (
        "ALTER TABLE sessile_sessions ADD CONSTRAINT short CHECK (record NOT LIKE '%4711472%')",
        "ALTER TABLE sessile_sessions DROP CONSTRAINT short",
    ),
    (
        "CREATE TRIGGER complain BEFORE UPDATE ON sessile_sessions FOR EACH ROW
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.record",
        "DROP TRIGGER complain",
    ),
];

pub(crate) async fn pool(server: &Server) -> MySqlPool {
    pool_to(&server.url()).await
}

pub(crate) async fn pool_to(address: &str) -> MySqlPool {
    let options = MySqlPoolOptions::new().max_connections(5);
    options.connect(address).await.unwrap()
}

/// Whether no connection of the pool is in use.
pub(crate) fn is_idle(pool: &MySqlPool) -> bool {
    u32::try_from(pool.num_idle()) == Ok(pool.size())
}

/// The builder with at most so many connections.
pub(crate) fn at_most(builder: Builder, connections: usize) -> Builder {
    builder.connections(connections)
}

/// A transaction that holds locks.
pub(crate) struct Holder(MySqlConnection);

/// Takes the locks that `sql` takes.
pub(crate) async fn hold(server: &Server, sql: &str) -> Holder {
    let mut connection = MySqlConnection::connect(&server.url()).await.unwrap();
    for sql in ["BEGIN", sql] {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        sql.execute(&mut connection).await.unwrap();
    }
    Holder(connection)
}

impl Holder {
    pub(crate) async fn release(mut self) {
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut self.0)
            .await
            .unwrap();
    }
}

/// A pool of one connection, which is not checked before it is used.
pub(crate) async fn pool_of_one(address: &str) -> MySqlPool {
    let options = MySqlPoolOptions::new().max_connections(1);
    let options = options.test_before_acquire(false);
    options.connect(address).await.unwrap()
}

/// A pool with unusual settings.
pub(crate) async fn odd_pool(server: &Server) -> MySqlPool {
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    let options = options
        .charset("latin1")
        .timezone(Some("+05:45".to_owned()));
    MySqlPool::connect_with(options).await.unwrap()
}

/// `sql` as the store's user runs it. MariaDB's tables have no owner.
pub(crate) fn as_user(sql: &str) -> String {
    sql.to_owned()
}

pub(crate) fn comment(text: &str) -> String {
    format!("ALTER TABLE sessile_sessions COMMENT = '{text}'")
}

pub(crate) fn add_user(server: &Server, name: &str) {
    let add = format!("CREATE USER {name}@'%' IDENTIFIED BY 'word'");
    server.execute(&add).unwrap();
    // A right to one table lets it use the database.
    server.execute("CREATE TABLE another (word TEXT)").unwrap();
    let grant = format!("GRANT SELECT ON another TO {name}@'%'");
    server.execute(&grant).unwrap();
}

pub(crate) fn grant(server: &Server, right: &str, table: &str, name: &str) {
    let grant = format!("GRANT {right} ON {table} TO {name}@'%'");
    server.execute(&grant).unwrap();
}

pub(crate) fn revoke(server: &Server, right: &str, table: &str, name: &str) {
    let revoke = format!("REVOKE {right} ON {table} FROM {name}@'%'");
    server.execute(&revoke).unwrap();
}

/// The statement that inserts rows that expired 1, 2, 3, … milliseconds after the Unix epoch.
pub(crate) fn insert_expired(count: u32) -> String {
    format!(
        "INSERT INTO sessile_sessions (id, version, due_at, expires_at, record)
         SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 0, seq, seq, '' FROM seq_1_to_{count}"
    )
}

/// The builder with its tables in this database.
pub(crate) fn in_schema(builder: Builder, database: &str) -> Builder {
    builder.database(database)
}

/// An id in a statement.
pub(crate) fn id_literal(id: &SessionId) -> String {
    let hex = id.as_bytes().map(|byte| format!("{byte:02x}")).concat();
    format!("X'{hex}'")
}

/// The expression that shows a column of bytes.
pub(crate) fn hex(column: &str) -> String {
    format!("LOWER(HEX({column}))")
}

/// Three columns without values, as the client prints them.
pub(crate) const NO_VALUES: &str = "NULL|NULL|NULL";

/// Begin, lock, two searches, write, delete and commit.
pub(crate) const SIGN_IN_ROUND_TRIPS: usize = 7;
/// Begin, lock, search, mark and commit.
pub(crate) const END_ROUND_TRIPS: usize = 5;

/// The statement that changes the password of the store's user.
pub(crate) fn set_password(password: &str) -> String {
    format!("ALTER USER sessile@'%' IDENTIFIED BY '{password}'")
}

/// Ends all connections of the store's user.
pub(crate) fn cut_all(server: &Server) {
    server.execute("KILL CONNECTION USER sessile").unwrap();
}

/// The number of connections of the store's user.
pub(crate) fn connections(server: &Server) -> u32 {
    let count = "SELECT count(*) FROM information_schema.processlist WHERE user = 'sessile'";
    server.execute(count).unwrap().trim().parse().unwrap()
}

/// Waits until a query has this result.
pub(crate) fn until(server: &Server, (question, answer): (&str, &str)) {
    while server.execute(question).unwrap() != answer {
        std::thread::yield_now();
    }
}
