//! The SQL that creates the tables of the sessions.

use sessile::storage::{MySqlSessionStore, PostgresSessionStore};

use crate::config::Database;

pub(crate) fn sql(database: Database) -> String {
    match database {
        Database::Postgres => PostgresSessionStore::schema_sql(),
        Database::Mysql => MySqlSessionStore::schema_sql(),
    }
}
