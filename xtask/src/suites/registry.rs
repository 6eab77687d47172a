//! The packages whose tests are run, and their download from the registry.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::run::{self, Failure, cargo};

/// A package on crates.io.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Package {
    /// The name and version as a valid name of a crate.
    pub(crate) fn crate_name(self) -> String {
        self.to_string()
            .replace(|it: char| !it.is_alphanumeric(), "_")
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The packages whose tests are run: the last version of each series of actix-session, and the last of actix-identity.
pub(crate) const PACKAGES: &[Package] = &[
    Package::new("actix-session", "0.6.2"),
    Package::new("actix-session", "0.7.2"),
    Package::new("actix-session", "0.8.0"),
    Package::new("actix-session", "0.9.0"),
    Package::new("actix-session", "0.10.1"),
    Package::new("actix-session", "0.11.0"),
    Package::new("actix-identity", "0.9.0"),
];

impl Package {
    const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version }
    }
}

/// A package's manifest and Rust files, by their paths in the package.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) package: Package,
    pub(crate) files: BTreeMap<String, String>,
}

impl Source {
    /// The Rust files below a folder of the package.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (&**path, &**text));
        files.filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs"))
    }
}

/// Downloads the packages, unless Cargo has them, and reads them. `folder` has a manifest that depends on them.
pub(crate) fn fetch(folder: &Path) -> Result<Vec<Source>, Failure> {
    let failed = |error| Failure::Check(format!("can't read the packages: {error}"));
    fs::create_dir_all(folder).map_err(failed)?;
    let manifest = folder.join("Cargo.toml");
    fs::write(&manifest, manifest_of(PACKAGES)).map_err(failed)?;
    fs::write(folder.join("lib.rs"), "").map_err(failed)?;

    let mut command = cargo(["metadata", "--format-version=1"]);
    command.args(["--filter-platform=host-tuple", "--manifest-path"]);
    command.arg(manifest);
    let metadata = run::output(command)?;
    let read = |&package: &Package| {
        let folder = folder_of(package, &metadata).ok_or_else(|| {
            Failure::Check(format!(
                "the output of cargo does not have the folder of {package}"
            ))
        })?;
        let mut files = BTreeMap::new();
        read_folder(folder, folder, &mut files).map_err(failed)?;
        Ok(Source { package, files })
    };
    PACKAGES.iter().map(read).collect()
}

/// A manifest with a dependency on each package.
fn manifest_of(packages: &[Package]) -> String {
    let dependencies: String = packages
        .iter()
        .map(|package| {
            let Package { name, version } = package;
            let key = package.crate_name();
            format!("{key} = {{ package = \"{name}\", version = \"={version}\" }}\n")
        })
        .collect();
    format!(
        "[package]\nname = \"packages\"\nedition = \"2024\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [workspace]\n\n[dependencies]\n{dependencies}"
    )
}

/// The package's folder, from the output of `cargo metadata`.
fn folder_of(package: Package, metadata: &str) -> Option<&Path> {
    let Package { name, version } = package;
    let (_, rest) = metadata.split_once(&format!(r#"{{"name":"{name}","version":"{version}","#))?;
    let (_, rest) = rest.split_once(r#""manifest_path":""#)?;
    let (manifest, _) = rest.split_once('"')?;
    Path::new(manifest).parent()
}

/// Reads the manifest and the Rust files of `root` that are in `folder`.
fn read_folder(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            read_folder(root, &path, files)?;
        } else if path.ends_with("Cargo.toml") || path.extension().is_some_and(|it| it == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let name = name.to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: Package = Package::new("actix-session", "0.11.0");

    #[test]
    fn the_manifest_requires_the_exact_version() {
        let manifest = manifest_of(&[NEWEST]);

        let line = r#"actix_session_0_11_0 = { package = "actix-session", version = "=0.11.0" }"#;
        assert!(manifest.lines().any(|it| it == line), "{manifest}");
    }

    #[test]
    fn a_package_is_found_by_name_and_version() {
        let metadata = r#"{"packages":[
            {"name":"actix-session","version":"0.10.1","manifest_path":"/a/10/Cargo.toml"},
            {"name":"actix-session","version":"0.11.0","manifest_path":"/a/11/Cargo.toml"}]}"#;

        assert_eq!(folder_of(NEWEST, metadata), Some(Path::new("/a/11")));
        assert_eq!(
            folder_of(Package::new("actix-session", "0.1.0"), metadata),
            None
        );
    }
}
