//! What PostgreSQL reports about the database, its tables and the rights to them.

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::{StoreErrorKind, error::fault};
use crate::storage::sql::{self, Fault, FoundTable, Table};

/// Sends simple queries, which any pooler passes on.
pub(super) trait Query: Send {
    /// The rows of the results, as texts.
    fn rows(&mut self, query: &str) -> impl Future<Output = Result<Vec<Texts>, Fault>> + Send;
}

/// The columns of a row.
pub(super) type Texts = Vec<Option<String>>;

impl Query for &Client {
    async fn rows(&mut self, query: &str) -> Result<Vec<Texts>, Fault> {
        let texts = |row: SimpleQueryRow| {
            let columns = 0..row.len();
            columns.map(|it| row.get(it).map(str::to_owned)).collect()
        };
        let messages = self.simple_query(query).await.map_err(fault)?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(texts(row)),
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// The catalog of the tables, read over a connection.
pub(super) struct Catalog<Q>(Q);

impl<Q: Query> Catalog<Q> {
    pub(super) fn new(connection: Q) -> Self {
        Self(connection)
    }

    /// The first row, if its first column has a value.
    async fn row(&mut self, query: &str) -> Result<Option<Texts>, Fault> {
        let rows = self.0.rows(query).await?;
        let is_found = |row: &Texts| matches!(&row[..], [Some(_), ..]);
        Ok(rows.into_iter().find(is_found))
    }
}

impl<Q: Query> sql::Catalog for Catalog<Q> {
    /// Fails if the database has another encoding than UTF-8, or is read-only.
    async fn check_database(&mut self) -> Result<(), Fault> {
        const DATABASE: &str = "
            SELECT current_setting('server_encoding'), current_setting('transaction_read_only')";
        let row = self.row(DATABASE).await?.unwrap_or_default();
        match &row[..] {
            [Some(encoding), _] if encoding != "UTF8" => {
                let text = format!("the database's encoding is {encoding}, but sessile needs UTF8");
                Err(Fault::new(StoreErrorKind::Incompatible, text))
            }
            [Some(_), Some(is_read_only)] if is_read_only == "off" => Ok(()),
            _ => Err(Fault::ReadOnly),
        }
    }

    async fn create_table(&mut self, sql: &str) -> Result<(), Fault> {
        // Sent together, the statements are one transaction.
        self.0.rows(sql).await.map(drop)
    }

    async fn find_table(&mut self, table: &Table) -> Result<Option<FoundTable>, Fault> {
        // A name has no other characters than letters, digits and underscores, and its quotes.
        let (name, key) = (&table.name, table.key);
        // `to_regclass` sees tables that were created after the statement began, whose indexes and comment
        // the statement does not see. `pg_class` has the table only together with them.
        let found = format!(
            "SELECT EXISTS (
                 SELECT FROM pg_index
                 JOIN pg_attribute ON attrelid = indrelid AND attname = '{key}' AND attnum = indkey[0]
                 WHERE indrelid = it.oid AND indisunique AND indisvalid
                     AND indnkeyatts = 1 AND indpred IS NULL
             ), obj_description(it.oid, 'pg_class')
             FROM pg_class AS it WHERE it.oid = to_regclass('{name}')"
        );
        let columns = format!(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = to_regclass('{name}') AND attnum > 0 AND NOT attisdropped"
        );
        let Some(mut found) = self.row(&found).await? else {
            return Ok(None);
        };
        let columns = self.0.rows(&columns).await?.into_iter();
        let columns = columns.filter_map(|row| {
            let mut row = row.into_iter().flatten();
            Some((row.next()?, row.next()?))
        });
        Ok(Some(FoundTable {
            comment: found.pop().flatten(),
            columns: columns.collect(),
            has_unique_key: matches!(&found[..], [Some(is_so), ..] if is_so == "t"),
        }))
    }

    /// Checks the rights now, because PostgreSQL reports a missing one only when it is needed.
    async fn check_rights(&mut self, table: &Table) -> Result<(), Fault> {
        let table = &table.name;
        let missing = format!(
            "SELECT string_agg(it.name, ', ')
             FROM unnest(ARRAY ['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS it (name)
             WHERE NOT has_table_privilege(to_regclass('{table}'), it.name)"
        );
        match self.row(&missing).await?.and_then(|mut row| row.pop()?) {
            Some(rights) => {
                let text = format!("the user has no right to {rights} on the table {table}");
                Err(Fault::new(StoreErrorKind::Denied, text))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sessile_rig::postgres::Postgres as Server;
    use tokio_postgres::NoTls;

    use super::{
        super::{PostgresSessionStore, schema::SCHEMA},
        *,
    };
    use crate::storage::sql::Catalog as _;

    #[tokio::test]
    async fn a_new_table_is_found_with_its_key_and_comment_or_not_at_all() {
        let server = Server::start().unwrap();
        let address = server.url();
        let connecting = tokio_postgres::connect(&address, NoTls);
        let (client, connection) = connecting.await.unwrap();
        tokio::spawn(connection);
        let tables = SCHEMA.default_tables();
        // Later statements see what exists now, as if they had begun before the table was created.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
        client.batch_execute(begin).await.unwrap();
        server.execute(&PostgresSessionStore::schema_sql()).unwrap();

        let mut catalog = Catalog::new(&client);
        let early = catalog.find_table(&tables[0]).await.unwrap();
        assert!(early.is_none());
        client.batch_execute("COMMIT").await.unwrap();
        let found = catalog.find_table(&tables[0]).await.unwrap();
        assert!(found.is_some_and(|table| table.has_unique_key && table.comment.is_some()));
    }
}
