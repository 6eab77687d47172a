//! The package actix-identity. It is copied, and the patch of the workspace replaces actix-session with sessile.

use super::{Suite, files::Files, registry::Source, source, tables};

/// The crate with its tests in `tests/`.
const INTEGRATION: &str = "integration";

pub(crate) fn generate(source: &Source, files: &mut Files) -> Suite {
    let name = source.package.name;
    let mut suite = Suite {
        label: source.package.to_string(),
        crates: vec![name.replace('-', "_"), INTEGRATION.to_owned()],
        ..Suite::default()
    };
    for (path, text) in &source.files {
        if path.starts_with("src/") {
            suite.expected += source::examples(text).len();
        }
        suite.expected += source::tests(text).len();
        let text = tables::rewrite(path, text);
        let text = match &**path {
            "Cargo.toml" => without_lints(&text),
            _ => text,
        };
        files.add(format!("{name}/{path}"), text);
    }
    suite
}

/// The manifest without its lints. It denies some, and a later compiler may report more of them.
fn without_lints(manifest: &str) -> String {
    let (before, _) = manifest.split_once("[lints.").unwrap_or((manifest, ""));
    format!("{before}[lints.rust]\nwarnings = \"allow\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::registry::Package;

    #[test]
    fn the_package_is_copied_without_its_lints() {
        let files = [
            (
                "Cargo.toml",
                "[package]\n\n[lints.rust.a]\nlevel = \"deny\"\n",
            ),
            ("src/lib.rs", "//! ```\n//! assert!(true);\n//! ```\n"),
            ("tests/integration/main.rs", "#[test]\nfn a() {\n}\n"),
        ];
        let source = Source {
            package: Package {
                name: "actix-identity",
                version: "0.9.0",
            },
            files: files
                .map(|(path, text)| (path.to_owned(), text.to_owned()))
                .into(),
        };
        let mut files = Files::default();

        let suite = generate(&source, &mut files);

        assert_eq!(suite.crates, ["actix_identity", "integration"]);
        assert_eq!(suite.expected, 2);
        assert_eq!(
            files.text("actix-identity/Cargo.toml"),
            "[package]\n\n[lints.rust]\nwarnings = \"allow\"\n"
        );
        assert!(files.text("actix-identity/src/lib.rs").contains("assert!"));
    }
}
