//! The generated workspace.

use std::{fs, io, path::Path};

/// The manifest. Every member uses sessile in place of actix-session: by renaming the dependency, or by the patch.
pub(crate) const MANIFEST: &str = r#"[workspace]
resolver = "3"
members = ["members/*"]

[patch.crates-io]
actix-session = { path = "../../actix-session/0.11" }
actix-session-0-10 = { package = "actix-session", path = "../../actix-session/0.10" }

[profile.dev]
debug = false
incremental = false
"#;

/// Writes the manifest, and a lock file with the versions of this project.
pub(crate) fn write(folder: &Path, lock: &str) -> io::Result<()> {
    fs::write(folder.join("Cargo.toml"), MANIFEST)?;
    let (begun, copy) = (folder.join("begun.lock"), folder.join("Cargo.lock"));
    // Cargo adds the packages that only this workspace needs. If every run replaced the file, every run would add them.
    if copy.exists() && fs::read_to_string(&begun).is_ok_and(|it| it == lock) {
        return Ok(());
    }
    fs::write(copy, lock)?;
    fs::write(begun, lock)
}
