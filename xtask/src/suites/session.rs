//! A package of actix-session as a crate that has its tests, but not its code. The items that the tests use are those of
//! sessile.

use super::{
    Suite,
    files::Files,
    refused::{Refusals, Refused},
    registry::Source,
    source::{self, Example},
    tables::{self, EXAMPLES, Skip},
    template::{MANIFEST, ROOT, STORAGE, STORE},
};

/// Adds the crate to `files`, and the skipped tests to `refusals`.
pub(crate) fn generate(source: &Source, files: &mut Files, refusals: &mut Refusals) -> Suite {
    let mut generator = Generator {
        name: source.package.crate_name(),
        source,
        files,
        refusals,
        suite: Suite {
            label: source.package.to_string(),
            crates: vec![source.package.crate_name()],
            ..Suite::default()
        },
    };
    generator.tests();
    generator.examples();
    let name = &generator.name;
    // In later editions, rustdoc would generate code for the examples that are only compiled, which takes long.
    let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2021\"\n{MANIFEST}");
    generator.add("Cargo.toml", manifest);
    generator.suite
}

struct Generator<'a> {
    name: String,
    source: &'a Source,
    files: &'a mut Files,
    refusals: &'a mut Refusals,
    suite: Suite,
}

impl Generator<'_> {
    /// Adds the root, the tests in `tests/` and the tests of the stores.
    fn tests(&mut self) {
        let (mut root, mut integration) = (ROOT.to_owned(), String::new());
        let mut storage = STORAGE.to_owned();
        for (path, text) in self.source.below("") {
            if path.starts_with("examples/") || !is_module(self.source, path) {
                continue;
            }
            self.suite.expected += source::tests(text).len();
            let text = self.without_skipped(path, &tables::rewrite(path, text));
            if path == "src/lib.rs" {
                root += &source::test_modules(&text);
            } else if source::tests(&text).is_empty() {
                continue;
            } else if let Some(name) = path.strip_prefix("tests/") {
                integration += &declaration(path);
                self.add(&format!("src/integration/{name}"), text);
            } else {
                storage += &declaration(path);
                self.add(path, STORE.to_owned() + &source::test_modules(&text));
            }
        }
        root += "\npub mod examples;\n#[cfg(test)]\nmod integration;\n#[cfg(test)]\nmod storage;\n";
        self.add("src/lib.rs", root);
        self.add("src/integration/mod.rs", integration);
        self.add("src/storage/mod.rs", storage);
    }

    /// The text of a file without the skipped tests.
    fn without_skipped(&mut self, path: &str, text: &str) -> String {
        for test in source::tests(text) {
            if let Some(skip) = Skip::find(path, &test.name) {
                let alone = source::retain_tests(text, |name| name == test.name);
                let alone = match path.starts_with("tests/") {
                    true => alone,
                    false => format!("use crate::storage::*;\n\n{}", source::test_modules(&alone)),
                };
                self.skip(skip, alone);
            }
        }
        source::retain_tests(text, |name| Skip::find(path, name).is_none())
    }

    /// Adds the examples in the documentation. The programs in `examples/` become examples that are only compiled.
    fn examples(&mut self) {
        let mut documentation = String::new();
        for (path, text) in self.source.below("") {
            let examples = match path.starts_with("examples/") {
                true => vec![Example {
                    line: 1,
                    attributes: "no_run".to_owned(),
                    code: tables::rewrite(path, text),
                }],
                false if is_module(self.source, path) => source::examples(text),
                false => Vec::new(),
            };
            self.suite.expected += examples.len();
            for example in examples {
                match Skip::find(path, EXAMPLES) {
                    Some(skip) => self.skip(skip, example.program()),
                    None => documentation += &documented(path, &example),
                }
            }
        }
        self.add("src/examples.rs", documentation);
    }

    fn skip(&mut self, skip: &'static Skip, source: String) {
        self.suite.expected -= 1;
        self.suite.skipped.push(skip);
        self.refusals.add(Refused {
            package: self.source.package,
            skip,
            source,
        });
    }

    fn add(&mut self, path: &str, text: String) {
        self.files.add(format!("{}/{path}", self.name), text);
    }
}

/// Whether a file is a module. Some releases have a store in a file that is not.
fn is_module(source: &Source, path: &str) -> bool {
    let declaration = declaration(path);
    let mut others = source.below("src/").map(|(_, text)| text);
    let is_root = path == "src/lib.rs" || path.ends_with("/mod.rs") || path.starts_with("tests/");
    is_root || others.any(|text| text.contains(&declaration))
}

fn declaration(path: &str) -> String {
    let name = path.strip_suffix(".rs").unwrap_or(path);
    let (_, name) = name.rsplit_once('/').unwrap_or(("", name));
    format!("mod {name};\n")
}

/// An item with the example in its documentation. Its name has the file and the line of the example.
fn documented(path: &str, example: &Example) -> String {
    let name = path.replace(|it: char| !it.is_alphanumeric(), "_");
    let Example {
        line,
        attributes,
        code,
    } = example;
    let code: String = code.lines().map(|it| format!("/// {it}\n")).collect();
    format!("/// ````{attributes}\n{code}/// ````\npub mod {name}_{line} {{}}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::registry::Package;

    const LIB: &str = "\
//! ```
//! assert!(true);
//! ```
mod storage;

#[cfg(test)]
mod test_helpers {
}
";

    const COOKIE: &str = "\
struct CookieSessionStore;

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn test_session_workflow() {
    }

    #[actix_web::test]
    async fn loading_a_random_session_key_returns_deserialization_error() {
    }
}
";

    fn generated(files: &[(&str, &str)]) -> (Suite, Files, Refusals) {
        let source = Source {
            package: Package {
                name: "actix-session",
                version: "0.1.0",
            },
            files: files
                .iter()
                .map(|&(path, text)| (path.to_owned(), text.to_owned()))
                .collect(),
        };
        let (mut files, mut refusals) = Default::default();
        let suite = generate(&source, &mut files, &mut refusals);
        (suite, files, refusals)
    }

    #[test]
    fn test_modules_are_copied_without_the_code() {
        let (suite, files, _) = generated(&[
            ("src/lib.rs", LIB),
            ("src/storage/cookie.rs", COOKIE),
            ("src/storage/mod.rs", "mod cookie;\n"),
        ]);

        assert_eq!(suite.expected, 2);
        let cookie = files.text("actix_session_0_1_0/src/storage/cookie.rs");
        assert!(
            cookie.starts_with("use super::*;\n\n#[cfg(test)]\nmod tests {"),
            "{cookie}"
        );
        assert!(cookie.contains("fn test_session_workflow"), "{cookie}");
        let storage = files.text("actix_session_0_1_0/src/storage/mod.rs");
        assert!(storage.ends_with("\nmod cookie;\n"), "{storage}");
        assert!(
            files
                .text("actix_session_0_1_0/src/lib.rs")
                .contains("mod test_helpers {")
        );
    }

    #[test]
    fn a_skipped_test_is_omitted_and_has_to_be_refused() {
        let (suite, files, refusals) = generated(&[
            ("src/storage/cookie.rs", COOKIE),
            ("src/storage/mod.rs", "mod cookie;\n"),
        ]);

        let skipped = "loading_a_random_session_key_returns_deserialization_error";
        assert_eq!(suite.skipped.len(), 1);
        assert_eq!(suite.skipped[0].test, skipped);
        assert!(
            !files
                .text("actix_session_0_1_0/src/storage/cookie.rs")
                .contains(skipped)
        );
        assert!(refusals.sources().any(|text| text.contains(skipped)));
    }

    #[test]
    fn a_file_that_is_not_a_module_is_omitted() {
        let (suite, _, refusals) =
            generated(&[("src/lib.rs", LIB), ("src/storage/cookie.rs", COOKIE)]);

        assert_eq!(suite.expected, 1);
        assert_eq!(refusals.sources().count(), 0);
    }

    #[test]
    fn programs_and_examples_become_documentation() {
        let (suite, files, _) =
            generated(&[("src/lib.rs", LIB), ("examples/basic.rs", "fn main() {}\n")]);

        assert_eq!(suite.expected, 2);
        assert_eq!(
            files.text("actix_session_0_1_0/src/examples.rs"),
            "/// ````no_run\n/// fn main() {}\n/// ````\npub mod examples_basic_rs_1 {}\n\n\
             /// ````\n/// assert!(true);\n/// ````\npub mod src_lib_rs_1 {}\n\n"
        );
    }

    #[test]
    fn the_tests_in_a_folder_of_tests_are_modules() {
        let (suite, files, _) = generated(&[("tests/session.rs", "#[test]\nfn a() {\n}\n")]);

        assert_eq!(suite.expected, 1);
        assert_eq!(
            files.text("actix_session_0_1_0/src/integration/mod.rs"),
            "mod session;\n"
        );
        assert!(
            files
                .text("actix_session_0_1_0/src/integration/session.rs")
                .contains("fn a()")
        );
    }
}
