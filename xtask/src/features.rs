//! The library with the feature sets that its users choose.

use crate::run::{self, Failure, cargo};

/// The feature sets that users are expected to choose. The full set is checked with the workspace. Code that several stores
/// share is compiled for each of them alone, and for two pairs that have different parts in common.
pub(crate) const COMBINATIONS: &[&str] = &[
    "",
    "compat",
    "cookie-session",
    "sqlite-session",
    "postgres-session",
    "postgres-pool",
    "postgres-pool-sqlx",
    "mysql-session",
    "redis-rs-session",
    "redis-pool",
    "redis-session-rustls",
    "redis-rs-tls-session",
    "metrics",
    "store-tests",
    "actix",
    "actix,cookie-session",
    "actix,sqlite-session,redis-rs-session",
    "actix,postgres-session,mysql-session",
    "actix,test-helpers",
    "redis-actor-session",
];

/// Compiles the library with exactly these features. Every warning is an error.
pub(crate) fn check(features: &str) -> Result<(), Failure> {
    run::run(cargo([
        "clippy",
        "--package=sessile",
        "--no-default-features",
        "--features",
        features,
        "--",
        "--deny=warnings",
    ]))
}

/// Checks that the library without its default features depends on no crate of Actix.
pub(crate) fn check_engine_is_free_of_actix() -> Result<(), Failure> {
    let tree = run::output(cargo([
        "tree",
        "--package=sessile",
        "--no-default-features",
        "--edges=normal",
        "--prefix=none",
    ]))?;
    match actix_crates(&tree).as_slice() {
        [] => Ok(()),
        crates => Err(Failure::Check(format!(
            "without its default features, sessile still depends on {}",
            crates.join(", ")
        ))),
    }
}

/// The crates in the output of `cargo tree --prefix=none` that belong to Actix.
fn actix_crates(tree: &str) -> Vec<&str> {
    let mut crates: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| name.starts_with("actix"))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_actix_crate_is_named_once() {
        let tree = "sessile v0.1.0 (/src)\nactix-web v4.11.0\nactix-rt v2.0.0\n\nserde v1.0.0\nactix-rt v2.0.0 (*)\n";

        assert_eq!(actix_crates(tree), ["actix-rt", "actix-web"]);
    }

    #[test]
    fn a_tree_without_actix_has_none() {
        assert!(actix_crates("sessile v0.1.0 (/actix)\nserde v1.0.0\n").is_empty());
    }
}
