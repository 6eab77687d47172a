//! The tables: whether they exist, and whether sessile can use them.

use super::{Fault, Name};

/// The version of the schema that this version of the crate creates.
const VERSION: u32 = 1;

/// The prefix of the comment on a table, before the version of its schema.
const COMMENT: &str = "sessile schema ";

/// The comment on a table of this version.
pub(in crate::storage) const SCHEMA_COMMENT: &str = "sessile schema 1";

/// A table of the store.
#[derive(Debug)]
pub(in crate::storage) struct Table {
    pub(in crate::storage) name: Name,
    pub(in crate::storage) columns: &'static [Column],
    /// The column that is the primary key.
    pub(in crate::storage) key: &'static str,
    /// The statements that create the table.
    pub(in crate::storage) sql: String,
}

/// How a kind of database server defines a table.
pub(in crate::storage) struct Definition {
    pub(in crate::storage) columns: &'static [Column],
    /// The statements that create the table of this name.
    pub(in crate::storage) sql: fn(&Name) -> String,
}

/// The table of sessions, which is named `sessions`, and the table of marks.
pub(in crate::storage) fn tables(
    sessions: &Name,
    of_sessions: &Definition,
    of_marks: &Definition,
) -> [Table; 2] {
    let table = |name: Name, key, definition: &Definition| Table {
        columns: definition.columns,
        key,
        sql: (definition.sql)(&name),
        name,
    };
    let marks = sessions.with_suffix("_marks");
    [
        table(sessions.clone(), "id", of_sessions),
        table(marks, "subject", of_marks),
    ]
}

/// A column, with its type as the database writes it.
#[derive(Debug)]
pub(in crate::storage) struct Column {
    pub(in crate::storage) name: &'static str,
    pub(in crate::storage) kind: &'static str,
}

impl Column {
    pub(in crate::storage) const fn new(name: &'static str, kind: &'static str) -> Self {
        Self { name, kind }
    }
}

/// What the database reports about a table.
#[derive(Debug)]
pub(in crate::storage) struct FoundTable {
    pub(in crate::storage) comment: Option<String>,
    /// Names and types.
    pub(in crate::storage) columns: Vec<(String, String)>,
    /// Whether the column that should be the primary key is unique.
    pub(in crate::storage) has_unique_key: bool,
}

/// The catalog of the database, read over a connection.
pub(in crate::storage) trait Catalog: Send {
    /// Fails if the database or the connection can't be used, whatever its tables are.
    fn check_database(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Creates the table. [`Fault::Exists`] if another server has created it.
    fn create_table(&mut self, table: &Table) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What the database reports about the table, if it exists.
    fn find_table(
        &mut self,
        table: &Table,
    ) -> impl Future<Output = Result<Option<FoundTable>, Fault>> + Send;

    /// Fails if a right is missing that the store needs on the table.
    fn check_rights(&mut self, table: &Table) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Creates the tables if `create_tables` is set, and checks that they can be used.
pub(in crate::storage) async fn open(
    catalog: &mut impl Catalog,
    tables: &[Table; 2],
    create_tables: bool,
) -> Result<(), Fault> {
    catalog.check_database().await?;
    for table in tables {
        let mut found = catalog.find_table(table).await?;
        if found.is_none() && create_tables {
            let created = catalog.create_table(table).await;
            found = catalog.find_table(table).await?;
            match created {
                Ok(()) => {}
                // Another server created it at the same time.
                Err(Fault::Exists) if found.is_some() => {}
                Err(fault) => return Err(fault),
            }
        }
        match found {
            Some(found) => check(table, &found)?,
            None => {
                return Err(Fault::NoTable {
                    table: table.name.to_string(),
                    schema: schema_sql(tables),
                });
            }
        }
        catalog.check_rights(table).await?;
    }
    Ok(())
}

/// The statements that create the tables.
pub(in crate::storage) fn schema_sql(tables: &[Table; 2]) -> String {
    tables.iter().map(|table| table.sql.as_str()).collect()
}

fn check(table: &Table, found: &FoundTable) -> Result<(), Fault> {
    let comment = found.comment.as_deref().unwrap_or_default();
    if let Some(version) = comment.strip_prefix(COMMENT)
        && version.parse() != Ok(VERSION)
    {
        return Err(Fault::NewerSchema {
            table: table.name.to_string(),
            found: version.chars().take(20).collect(),
            known: VERSION,
        });
    }
    let difference = |difference| Fault::Shape {
        table: table.name.to_string(),
        difference,
    };
    for Column { name, kind } in table.columns {
        let found = found.columns.iter().find(|(found, _)| found == name);
        match found {
            Some((_, found)) if found == kind => {}
            Some((_, found)) => {
                return Err(difference(format!(
                    "its column `{name}` is {found} and not {kind}"
                )));
            }
            None => return Err(difference(format!("it has no column `{name}`"))),
        }
    }
    if !found.has_unique_key {
        let key = table.key;
        return Err(difference(format!("its column `{key}` is no primary key")));
    }
    Ok(())
}
