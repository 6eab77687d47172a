//! The table: whether it is there, and whether it is one that sessile can use.

use super::{Dialect, Fault, dialect::ConnectionOf};

/// The version of the table's form that this version of the crate makes.
const VERSION: u32 = 1;

/// What the comment on a table begins with that says which version it has.
const COMMENT: &str = "sessile schema ";

/// The comment on a table of today's version.
pub(in crate::storage) const SCHEMA_COMMENT: &str = "sessile schema 1";

/// A column, with its type as the database writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) struct Column<'a> {
    pub(in crate::storage) name: &'a str,
    pub(in crate::storage) kind: &'a str,
}

impl<'a> Column<'a> {
    pub(in crate::storage) const fn new(name: &'a str, kind: &'a str) -> Self {
        Self { name, kind }
    }
}

/// What the database tells of a table.
#[derive(Debug)]
pub(in crate::storage) struct Table {
    pub(in crate::storage) comment: Option<String>,
    /// Names and types.
    pub(in crate::storage) columns: Vec<(String, String)>,
    /// Whether no two rows can have the same id.
    pub(in crate::storage) has_unique_id: bool,
}

/// Makes the table if that is asked for, and makes sure that it can be used.
pub(super) async fn open<D: Dialect>(
    dialect: &D,
    connection: &mut ConnectionOf<D>,
    create_table: bool,
) -> Result<(), Fault> {
    let mut table = dialect.find_table(connection).await?;
    if table.is_none() && create_table {
        let created = dialect.create_table(connection).await;
        table = dialect.find_table(connection).await?;
        match created {
            Ok(()) => {}
            // Another server was faster.
            Err(sqlx::Error::Database(error)) if D::exists_already(&*error) && table.is_some() => {}
            Err(error) => return Err(Fault::of::<D>(error)),
        }
    }
    match table {
        Some(table) => check(dialect, &table)?,
        None => {
            return Err(Fault::NoTable {
                table: dialect.table().to_string(),
                schema: dialect.schema_sql(),
            });
        }
    }
    dialect.check_rights(connection).await
}

fn check<D: Dialect>(dialect: &D, table: &Table) -> Result<(), Fault> {
    let name = || dialect.table().to_string();
    let comment = table.comment.as_deref().unwrap_or_default();
    if let Some(version) = comment.strip_prefix(COMMENT)
        && version.parse() != Ok(VERSION)
    {
        return Err(Fault::NewerSchema {
            table: name(),
            found: version.chars().take(20).collect(),
            known: VERSION,
        });
    }
    let difference = |difference| Fault::Shape {
        table: name(),
        difference,
    };
    for Column { name, kind } in D::COLUMNS {
        let found = table.columns.iter().find(|(found, _)| found == name);
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
    if !table.has_unique_id {
        return Err(difference("its column `id` is no primary key".to_owned()));
    }
    Ok(())
}
