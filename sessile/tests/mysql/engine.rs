//! What the tests of every SQL store need to know about this one.

use sessile::storage::{MySqlSessionStore, MySqlSessionStoreBuilder};
use sessile_rig::mariadb::MariaDb;
use sqlx::{
    MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

pub(crate) type Server = MariaDb;
pub(crate) type Store = MySqlSessionStore;
pub(crate) type Builder = MySqlSessionStoreBuilder;

pub(crate) const SCHEMES: [&str; 2] = ["mysql", "mariadb"];
pub(crate) const LONGEST_NAME: usize = 64;
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

/// Changes to the table, and what has to be said about each.
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
        "ALTER TABLE sessile_sessions MODIFY id CHAR(22) CHARACTER SET ascii NOT NULL",
        "`id` is char(22) ascii_general_ci and not char(22) ascii_bin",
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

/// Changes that make the server complain about a value, and what takes them back.
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
    let options = MySqlPoolOptions::new().max_connections(5);
    options.connect(&server.url()).await.unwrap()
}

/// One with settings of its own.
pub(crate) async fn odd_pool(server: &Server) -> MySqlPool {
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    let options = options
        .charset("latin1")
        .timezone(Some("+05:45".to_owned()));
    MySqlPool::connect_with(options).await.unwrap()
}

/// `sql` as the store's own user runs it: to MariaDB, it makes no difference.
pub(crate) fn as_user(sql: &str) -> String {
    sql.to_owned()
}

pub(crate) fn comment(text: &str) -> String {
    format!("ALTER TABLE sessile_sessions COMMENT = '{text}'")
}

pub(crate) fn add_user(server: &Server, name: &str) {
    let add = format!("CREATE USER {name}@'%' IDENTIFIED BY 'word'");
    server.execute(&add).unwrap();
    // So that it may use the database.
    server.execute("CREATE TABLE another (word TEXT)").unwrap();
    let grant = format!("GRANT SELECT ON another TO {name}@'%'");
    server.execute(&grant).unwrap();
}

pub(crate) fn grant(server: &Server, right: &str, name: &str) {
    let grant = format!("GRANT {right} ON sessile_sessions TO {name}@'%'");
    server.execute(&grant).unwrap();
}

pub(crate) fn revoke(server: &Server, right: &str, name: &str) {
    let revoke = format!("REVOKE {right} ON sessile_sessions FROM {name}@'%'");
    server.execute(&revoke).unwrap();
}

/// Rows that ended 1, 2, 3, … milliseconds after the Unix epoch.
pub(crate) fn insert_expired(count: u32) -> String {
    format!(
        "INSERT INTO sessile_sessions (id, secret, version, expires_at, record)
         SELECT CONCAT('expired', seq), '', 0, seq, '' FROM seq_1_to_{count}"
    )
}

/// How many connections the store's user has.
pub(crate) fn connections(server: &Server) -> u32 {
    let count = "SELECT count(*) FROM information_schema.processlist WHERE user = 'sessile'";
    server.execute(count).unwrap().trim().parse().unwrap()
}

/// Waits until a question has this answer.
pub(crate) fn until(server: &Server, (question, answer): (&str, &str)) {
    while server.execute(question).unwrap() != answer {
        std::thread::yield_now();
    }
}
