//! A program that depends on actix-identity and patches actix-session as `actix-session/README.md` describes.

use std::{fs, io};

use super::{Suite, files::Files, registry::Source, source};
use crate::run::workspace;

/// The program, relative to the workspace.
pub(crate) const PROGRAM: &str = "actix-session/tests/identity.rs";

const NAME: &str = "patched";

const MANIFEST: &str = r#"[package]
name = "patched"
edition = "2024"

[[test]]
name = "patched"
path = "../../../../actix-session/tests/identity.rs"

[dependencies]
actix-identity = "0.9"
actix-session = "0.11"
actix-session-0-10 = { package = "actix-session", version = "0.10" }
actix-web = { version = "4", default-features = false, features = ["macros"] }
sessile = { path = "../../../../sessile" }
"#;

pub(crate) fn generate(files: &mut Files) -> io::Result<Suite> {
    files.add(format!("{NAME}/Cargo.toml"), MANIFEST);
    files.add(format!("{NAME}/src/lib.rs"), "");
    let tests = fs::read_to_string(workspace().join(PROGRAM))?;
    Ok(Suite {
        label: "patched program".to_owned(),
        crates: vec![NAME.to_owned()],
        expected: source::tests(&tests).len(),
        ..Suite::default()
    })
}

/// Checks that the packages in `actix-session/` have the versions and the features of the packages that they replace.
pub(crate) fn check(sources: &[Source]) -> Result<(), String> {
    for folder in ["0.10", "0.11"] {
        let manifest = format!("actix-session/{folder}/Cargo.toml");
        let ours = fs::read_to_string(workspace().join(&manifest))
            .map_err(|error| format!("can't read {manifest}: {error}"))?;
        let theirs = sources
            .iter()
            .find(|it| it.package.version.starts_with(&format!("{folder}.")))
            .and_then(|it| it.files.get("Cargo.toml"))
            .ok_or_else(|| format!("there is no package of actix-session {folder}"))?;
        compare(&ours, theirs).map_err(|complaint| format!("{manifest}: {complaint}"))?;
    }
    Ok(())
}

fn compare(ours: &str, theirs: &str) -> Result<(), String> {
    let version = |manifest| keys(manifest, "[package]").find(|(key, _)| *key == "version");
    let (our_version, their_version) = (version(ours), version(theirs));
    if our_version != their_version {
        return Err(format!(
            "the version is {our_version:?} and has to be {their_version:?}"
        ));
    }
    let missing: Vec<_> = keys(theirs, "[features]")
        .map(|(key, _)| key)
        .filter(|key| !keys(ours, "[features]").any(|(ours, _)| ours == *key))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("features are missing: {}", missing.join(", ")))
    }
}

/// The keys of a section of a manifest, with the rest of their lines.
fn keys<'a>(manifest: &'a str, section: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let lines = manifest.lines().skip_while(move |line| *line != section);
    lines
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
[package]
version = \"0.11.0\"

[features]
default = []
redis-pool = [
    \"dep:deadpool-redis\",
]

[dependencies]
serde = \"1\"
";

    #[test]
    fn equal_versions_and_features_are_accepted() {
        assert_eq!(compare(MANIFEST, MANIFEST), Ok(()));
    }

    #[test]
    fn another_version_is_reported() {
        let ours = MANIFEST.replace("0.11.0", "0.11.1");

        assert!(compare(&ours, MANIFEST).is_err_and(|it| it.contains("0.11.1")));
    }

    #[test]
    fn a_missing_feature_is_reported() {
        let ours = MANIFEST.replace("redis-pool", "redis");

        assert_eq!(
            compare(&ours, MANIFEST),
            Err("features are missing: redis-pool".to_owned())
        );
    }
}
