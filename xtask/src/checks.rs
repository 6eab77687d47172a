//! The packages in `checks/`. Each represents an application and is a separate workspace.

use std::fs;

use crate::run::{self, Failure, cargo, workspace};

/// Checks the formatting of each package, and runs its tests.
pub(crate) fn run() -> Result<(), Failure> {
    for name in names()? {
        let manifest = format!("checks/{name}/Cargo.toml");
        run::run(cargo(["fmt", "--manifest-path", &manifest, "--check"]))?;
        run::run(cargo([
            "test",
            "--manifest-path",
            &manifest,
            "--target-dir",
            "target/checks",
        ]))?;
    }
    Ok(())
}

fn names() -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::Check(format!("can't read the folder `checks`: {error}"));
    let entries = fs::read_dir(workspace().join("checks")).map_err(failed)?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_a_package() {
        let names = names().unwrap();
        assert!(names.contains(&"arbitrary-precision".to_owned()));
        for name in names {
            let manifest = workspace().join("checks").join(&name).join("Cargo.toml");
            assert!(manifest.is_file(), "{name}");
        }
    }
}
