//! The skipped tests, and the check that the compiler still refuses them.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

use super::{files::Files, registry::Package, tables::Skip, template};
use crate::run::Failure;

/// The package that contains the skipped tests.
pub(crate) const PACKAGE: &str = "refused";

/// The text of a module with a test that the compiler has to refuse.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) package: Package,
    pub(crate) skip: &'static Skip,
    pub(crate) source: String,
}

/// The tests that the compiler has to refuse, by the path of their module.
#[derive(Debug, Default)]
pub(crate) struct Refusals(BTreeMap<String, Refused>);

impl Refusals {
    pub(crate) fn add(&mut self, refused: Refused) {
        let (package, index) = (refused.package.crate_name(), self.0.len());
        self.0
            .insert(format!("tests/{package}/test_{index}.rs"), refused);
    }

    #[cfg(test)]
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|refused| &*refused.source)
    }

    /// Adds the package to `files`: a crate for each version.
    pub(crate) fn generate(&self, files: &mut Files) {
        let mut add = |path: &str, text: String| files.add(format!("{PACKAGE}/{path}"), text);
        let mut roots: BTreeMap<String, String> = BTreeMap::new();
        for (path, refused) in &self.0 {
            add(path, refused.source.clone());
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
            let root = roots
                .entry(format!("{folder}/main.rs"))
                .or_insert_with(root);
            *root += &format!("mod {};\n", file.trim_end_matches(".rs"));
        }
        for (path, text) in roots {
            add(&path, text);
        }
        let manifest = format!("[package]\nname = \"{PACKAGE}\"\nedition = \"2024\"\n");
        add("Cargo.toml", manifest + template::MANIFEST);
        add("src/lib.rs", String::new());
    }

    /// Compares the tests with the compiler's messages for the package, in their short form.
    fn check(&self, output: &str) -> Result<(), String> {
        let wrong: Vec<_> = self
            .0
            .iter()
            .filter(|(path, refused)| !refused.is_expected(&errors(output, path)))
            .map(|(path, refused)| refused.complaint(&errors(output, path)))
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n"))
        }
    }

    /// Checks the tests with `build`, a `cargo build` of the workspace.
    pub(crate) fn check_by(&self, mut build: Command) -> Result<(), Failure> {
        build.args(["--keep-going", "--message-format=short"]);
        let output = build
            .stdout(Stdio::null())
            .output()
            .map_err(|error| Failure::Start("cargo build".to_owned(), error))?;
        self.check(&String::from_utf8_lossy(&output.stderr))
            .map_err(Failure::Check)
    }
}

impl Refused {
    fn is_expected(&self, errors: &[&str]) -> bool {
        let error = format!(" error[{}]: ", self.skip.error);
        errors.iter().any(|it| it.contains(&error))
    }

    fn complaint(&self, errors: &[&str]) -> String {
        let Skip {
            file, test, error, ..
        } = self.skip;
        let compiles = match errors {
            [] => "it compiles".to_owned(),
            errors => format!("the compiler reports\n  {}", errors.join("\n  ")),
        };
        format!(
            "{}, {file}, {test} is skipped because of {error}, but {compiles}",
            self.package
        )
    }
}

/// The root of a crate. It has an empty function in place of the acceptance suite, which takes long to compile and
/// which no skipped test calls.
fn root() -> String {
    let (root, storage) = (template::ROOT, template::STORAGE);
    format!(
        "{root}\nmod storage {{\n{storage}}}\n\n\
         mod test_helpers {{\n    pub(crate) async fn acceptance_test_suite() {{}}\n}}\n\n"
    )
}

/// The errors that the compiler reports for `file`.
fn errors<'a>(output: &'a str, file: &str) -> Vec<&'a str> {
    let file = format!("{PACKAGE}/{file}:");
    let lines = output.lines();
    lines
        .filter(|line| line.contains(&file) && line.contains(": error"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::tables::SKIPS;

    fn one() -> Refusals {
        let mut refusals = Refusals::default();
        refusals.add(Refused {
            package: Package {
                name: "actix-session",
                version: "0.11.0",
            },
            skip: &SKIPS[0],
            source: "fn test() {}\n".to_owned(),
        });
        refusals
    }

    #[test]
    fn each_test_is_a_module_of_a_crate_for_its_version() {
        let mut files = Files::default();

        one().generate(&mut files);

        let folder = "refused/tests/actix_session_0_11_0";
        assert_eq!(files.text(&format!("{folder}/test_0.rs")), "fn test() {}\n");
        let root = files.text(&format!("{folder}/main.rs"));
        assert!(root.ends_with("}\n\nmod test_0;\n"), "{root}");
    }

    #[test]
    fn another_error_than_that_of_the_table_is_reported() {
        let file = "members/refused/tests/actix_session_0_11_0/test_0.rs:57:5:";

        let expected = format!("{file} error[E0061]: this method takes 3 arguments\n");
        assert_eq!(one().check(&expected), Ok(()));

        let other = format!("{file} error[E0432]: unresolved import");
        let complaint = one().check(&other).unwrap_err();
        assert!(
            complaint.ends_with(&format!("the compiler reports\n  {other}")),
            "{complaint}"
        );
    }

    #[test]
    fn a_test_that_compiles_must_not_be_skipped() {
        let complaint = one().check("").unwrap_err();

        assert_eq!(
            complaint,
            "actix-session 0.11.0, src/storage/cookie.rs, \
             loading_a_random_session_key_returns_deserialization_error is skipped because of E0061, but it compiles"
        );
    }
}
