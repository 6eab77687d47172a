//! The exceptions: skipped tests, and replaced texts of the packages.

use super::{registry::Source, source};

/// A test that the compiler refuses with sessile, by design.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) file: &'static str,
    /// A function, or [`EXAMPLES`].
    pub(crate) test: &'static str,
    /// The compiler's error. If the test compiles, or fails to compile for another reason, the entry is wrong.
    pub(crate) error: &'static str,
    pub(crate) reason: &'static str,
}

/// All examples in the documentation of the file.
pub(crate) const EXAMPLES: &str = "examples";

/// The tests of actix-session that are skipped, in every version that has them.
pub(crate) const SKIPS: &[Skip] = &[
    Skip {
        file: "src/storage/cookie.rs",
        test: "loading_a_random_session_key_returns_deserialization_error",
        error: "E0061",
        reason: CALLS_STORE,
    },
    Skip {
        file: "src/storage/redis_actor.rs",
        test: "loading_a_missing_session_returns_none",
        error: "E0061",
        reason: CALLS_STORE,
    },
    Skip {
        file: "src/storage/redis_actor.rs",
        test: "updating_of_an_expired_state_is_handled_gracefully",
        error: "E0061",
        reason: CALLS_STORE,
    },
    Skip {
        file: "src/storage/redis_rs.rs",
        test: "loading_a_missing_session_returns_none",
        error: "E0061",
        reason: CALLS_STORE,
    },
    Skip {
        file: "src/storage/redis_rs.rs",
        test: "loading_an_invalid_session_state_returns_deserialization_error",
        error: "E0061",
        reason: CALLS_STORE,
    },
    Skip {
        file: "src/storage/redis_rs.rs",
        test: "updating_of_an_expired_state_is_handled_gracefully",
        error: "E0061",
        reason: CALLS_STORE,
    },
    Skip {
        file: "src/storage/session_key.rs",
        test: EXAMPLES,
        error: "E0277",
        reason: "a `SessionKey` is generated, not made from text",
    },
];

const CALLS_STORE: &str = "calls an operation of `SessionStore`, which has other parameters";

/// A text and its replacement.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// A file, or a folder with all files in it.
    pub(crate) place: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

/// The replacements in the files of the packages, in every version that has the text.
pub(crate) const REWRITES: &[Rewrite] = &[
    // The test process starts a Redis server. The package expects a running one.
    Rewrite {
        place: "src/storage/redis_actor.rs",
        from: r#""127.0.0.1:6379")"#,
        to: "crate::redis_server::address())",
    },
    Rewrite {
        place: "src/storage/redis_rs.rs",
        from: r#""redis://127.0.0.1:6379")"#,
        to: "crate::redis_server::url())",
    },
    // `entries` returns values instead of JSON text: see the guide page on migrating.
    Rewrite {
        place: "tests/session.rs",
        from: r#""\"value2\"".to_string()"#,
        to: r#"serde_json::json!("value2")"#,
    },
    // A store of actix-session needs the adapter: see the guide page on migrating.
    Rewrite {
        place: "tests/opaque_errors.rs",
        from: "storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError}",
        to: "storage::compat::{self, LoadError, SaveError, SessionKey, SessionStore, UpdateError}",
    },
    Rewrite {
        place: "tests/opaque_errors.rs",
        from: "SessionMiddleware::new(MockStore, ",
        to: "SessionMiddleware::new(compat::Adapter::new(MockStore), ",
    },
    Rewrite {
        place: "tests/opaque_errors.rs",
        from: "#[async_trait::async_trait(?Send)]\n",
        to: "",
    },
    // If the store fails, the response is 503: see the guide page on migrating.
    Rewrite {
        place: "tests/opaque_errors.rs",
        from: "StatusCode::INTERNAL_SERVER_ERROR",
        to: "StatusCode::SERVICE_UNAVAILABLE",
    },
    // Versions 0.6 and 0.7 test that the cookie that removes a `Secure` cookie is not `Secure`. The later ones test the
    // opposite.
    Rewrite {
        place: "tests/middleware.rs",
        from: "assert!(deletion_cookie.secure().is_none());",
        to: "assert!(deletion_cookie.secure().unwrap());",
    },
    // The tests don't need the loggers of the examples, whose crates take long to compile.
    Rewrite {
        place: "examples/",
        from: "use tracing::level_filters::LevelFilter;\nuse tracing_subscriber::EnvFilter;\n",
        to: "",
    },
    Rewrite {
        place: "examples/",
        from: "    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::builder()
                .with_default_directive(LevelFilter::INFO.into())
                .from_env_lossy(),
        )
        .init();
",
        to: "",
    },
    Rewrite {
        place: "Cargo.toml",
        from: "[dev-dependencies.env_logger]\n",
        to: "[dev-dependencies.env_logger]\ndefault-features = false\n",
    },
];

impl Skip {
    /// The entry for a test, or for the examples of a file.
    pub(crate) fn find(file: &str, test: &str) -> Option<&'static Self> {
        SKIPS.iter().find(|it| it.file == file && it.test == test)
    }

    fn is_needed(&self, source: &Source) -> bool {
        let text = source.files.get(self.file).map_or("", |text| text);
        match self.test {
            EXAMPLES => !source::examples(text).is_empty(),
            name => source::tests(text).iter().any(|test| test.name == name),
        }
    }
}

impl Rewrite {
    fn is_needed(&self, source: &Source) -> bool {
        let mut files = source.files.iter();
        files.any(|(path, text)| path.starts_with(self.place) && text.contains(self.from))
    }
}

/// The text of a file, with the replacements in `REWRITES`.
pub(crate) fn rewrite(path: &str, text: &str) -> String {
    REWRITES
        .iter()
        .filter(|it| path.starts_with(it.place))
        .fold(text.to_owned(), |text, it| text.replace(it.from, it.to))
}

/// Checks that every entry is needed by one of the packages.
pub(crate) fn check(sources: &[Source]) -> Result<(), String> {
    let skips = SKIPS
        .iter()
        .filter(|it| !sources.iter().any(|source| it.is_needed(source)))
        .map(|it| format!("no package has a test `{}` in {} to skip", it.test, it.file));
    let rewrites = REWRITES
        .iter()
        .filter(|it| !sources.iter().any(|source| it.is_needed(source)))
        .map(|it| format!("no package has {:?} in {} to rewrite", it.from, it.place));
    let unneeded: Vec<_> = skips.chain(rewrites).collect();
    if unneeded.is_empty() {
        Ok(())
    } else {
        Err(unneeded.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_table_is_rewritten() {
        let code = r#"RedisActorSessionStore::new("127.0.0.1:6379")"#;

        let rewritten = "RedisActorSessionStore::new(crate::redis_server::address())";
        assert_eq!(rewrite("src/storage/redis_actor.rs", code), rewritten);
        assert_eq!(rewrite("src/storage/mod.rs", code), code);
        let removed = REWRITES.iter().find(|it| it.place == "examples/").unwrap();
        assert_eq!(rewrite("examples/a.rs", removed.from), "");
    }

    #[test]
    fn an_entry_that_no_package_needs_is_reported() {
        let complaint = check(&[]).unwrap_err();

        assert_eq!(complaint.lines().count(), SKIPS.len() + REWRITES.len());
        assert!(
            complaint.contains("no package has a test `examples` in src/storage/session_key.rs"),
            "{complaint}"
        );
    }
}
