//! What the documentation says of the tables.

use std::{fs, path::Path};

use sessile::storage::{MySqlSessionStore, PostgresSessionStore};

#[test]
fn the_documented_schemas_are_those_that_are_made() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/databases.md");
    let text = fs::read_to_string(file).unwrap();
    for schema in [
        PostgresSessionStore::schema_sql(),
        MySqlSessionStore::schema_sql(),
    ] {
        assert!(text.contains(&format!("```sql\n{schema}```\n")), "{schema}");
    }
}
