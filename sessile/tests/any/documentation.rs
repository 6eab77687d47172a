//! Tables and files that the documentation names.

use std::{fs, path::Path};

use sessile::storage::{MySqlSessionStore, PostgresSessionStore};

/// The text of a page of the guide.
fn page(name: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    fs::read_to_string(guide.join(name)).unwrap()
}

#[test]
fn the_documented_schemas_are_those_that_are_created() {
    let text = page("databases.md");
    for schema in [
        PostgresSessionStore::schema_sql(),
        MySqlSessionStore::schema_sql(),
    ] {
        assert!(text.contains(&format!("```sql\n{schema}```\n")), "{schema}");
    }
}

#[test]
fn the_files_that_the_documentation_names_exist() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = package.join("../docs/architecture.md");
    for text in [
        page("security.rs"),
        fs::read_to_string(architecture).unwrap(),
    ] {
        let paths: Vec<_> = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| is_path(code))
            .collect();
        assert!(!paths.is_empty());
        for path in paths {
            let folders = [package.join("src"), package.to_owned(), package.join("..")];
            let exists = folders.iter().any(|folder| folder.join(path).exists());
            assert!(exists, "{path}");
        }
    }
}

/// Whether a text is a path, and not a header or a name.
fn is_path(code: &str) -> bool {
    let is_in_path = |it: char| it.is_ascii_lowercase() || matches!(it, '/' | '_' | '.');
    code.chars().all(is_in_path) && (code.ends_with(".rs") || code.contains('/'))
}
