//! The tables: whether they exist, and whether sessile can use them.

use super::{Fault, Name, StoreErrorKind};

/// The version of the schema that this version of the crate creates.
const VERSION: u32 = 1;

/// The prefix of the comment on a table, before the version of its schema.
const COMMENT: &str = "sessile schema ";

/// The comment on a table of this version.
pub(in crate::storage) const SCHEMA_COMMENT: &str = "sessile schema 1";

/// The name of the table of sessions, unless the application sets another one.
pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

/// How a kind of database server names and defines the tables.
pub(in crate::storage) struct Schema {
    pub(in crate::storage) longest_name: usize,
    /// What statements quote names with.
    pub(in crate::storage) quote: char,
    pub(in crate::storage) sessions: Definition,
    pub(in crate::storage) marks: Definition,
}

/// How a kind of database server defines a table.
pub(in crate::storage) struct Definition {
    pub(in crate::storage) columns: &'static [Column],
    /// The statements that create the table of this name.
    pub(in crate::storage) sql: fn(&Name) -> String,
}

/// The name of a column, and its type as the database reports it.
type Column = (&'static str, &'static str);

/// A table of the store.
#[derive(Debug)]
pub(in crate::storage) struct Table {
    pub(in crate::storage) name: Name,
    pub(in crate::storage) columns: &'static [Column],
    /// The column that is the primary key.
    pub(in crate::storage) key: &'static str,
    /// The statements that create the table.
    sql: String,
}

impl Schema {
    /// The tables under their default names.
    pub(in crate::storage) fn default_tables(&self) -> [Table; 2] {
        self.tables_of(Name::fixed(DEFAULT_TABLE, self.quote))
    }

    /// The table of sessions, which is named `table`, and the table of marks.
    pub(in crate::storage) fn tables(
        &self,
        schema: Option<&str>,
        table: &str,
    ) -> Result<[Table; 2], Fault> {
        let name = Name::new(schema, table, self.longest_name, self.quote)?;
        Ok(self.tables_of(name))
    }

    fn tables_of(&self, sessions: Name) -> [Table; 2] {
        let marks = sessions.with_suffix("_marks");
        let table = |name: Name, key, definition: &Definition| Table {
            columns: definition.columns,
            key,
            sql: (definition.sql)(&name),
            name,
        };
        [
            table(sessions, "id", &self.sessions),
            table(marks, "subject", &self.marks),
        ]
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

    /// Creates a table with these statements. [`Fault::Exists`] if another server has created it.
    fn create_table(&mut self, sql: &str) -> impl Future<Output = Result<(), Fault>> + Send;

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
            let created = catalog.create_table(&table.sql).await;
            found = catalog.find_table(table).await?;
            match created {
                Ok(()) => {}
                // Another server created it at the same time.
                Err(Fault::Exists) if found.is_some() => {}
                Err(fault) => return Err(fault),
            }
        }
        let Some(found) = found else {
            let (name, schema) = (&table.name, schema_sql(tables));
            return Err(incompatible(format!(
                "there is no table {name}: create it with `create_table(true)`, with `?create_table=true` in the \
                 address, or with these statements:\n{schema}"
            )));
        };
        table.check(&found)?;
        catalog.check_rights(table).await?;
    }
    Ok(())
}

/// The statements that create the tables.
pub(super) fn schema_sql(tables: &[Table; 2]) -> String {
    tables.iter().map(|table| table.sql.as_str()).collect()
}

impl Table {
    fn check(&self, found: &FoundTable) -> Result<(), Fault> {
        let comment = found.comment.as_deref().unwrap_or_default();
        if let Some(version) = comment.strip_prefix(COMMENT)
            && version.parse() != Ok(VERSION)
        {
            let (name, found): (_, String) = (&self.name, version.chars().take(20).collect());
            return Err(incompatible(format!(
                "the table {name} has version {found} of sessile's schema, and this version of sessile knows {VERSION}"
            )));
        }
        for (name, kind) in self.columns {
            let found = found.columns.iter().find(|(found, _)| found == name);
            match found {
                Some((_, found)) if found == kind => {}
                Some((_, found)) => {
                    return Err(
                        self.differs(&format!("its column `{name}` is {found} and not {kind}"))
                    );
                }
                None => return Err(self.differs(&format!("it has no column `{name}`"))),
            }
        }
        match found.has_unique_key {
            true => Ok(()),
            false => Err(self.differs(&format!("its column `{}` is no primary key", self.key))),
        }
    }

    /// The fault if the table is not as sessile needs it.
    pub(in crate::storage) fn differs(&self, difference: &str) -> Fault {
        let table = &self.name;
        incompatible(format!("sessile can't use the table {table}: {difference}"))
    }
}

fn incompatible(text: String) -> Fault {
    Fault::new(StoreErrorKind::Incompatible, text)
}
