//! Finding programs.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::Error;

/// Finds a program on the `PATH`.
///
/// The error names `packages`, the Debian packages that contain it.
///
/// ```
/// let sh = sessile_rig::find_program("sh", &["dash"])?;
/// assert!(sh.is_absolute());
///
/// let missing = sessile_rig::find_program("no-such-server", &["no-such-package"]).unwrap_err();
/// assert!(missing.to_string().contains("apt-get install no-such-package"));
/// # Ok::<(), sessile_rig::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NotInstalled`] if no folder of the `PATH` has an executable file of that name.
pub fn find_program(program: &str, packages: &[&str]) -> Result<PathBuf, Error> {
    find_program_in(&[], program, packages)
}

/// Like [`find_program`], but searches other folders first.
pub(crate) fn find_program_in(
    folders: &[PathBuf],
    program: &str,
    packages: &[&str],
) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().cloned();
    folders
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
        .ok_or_else(|| Error::NotInstalled {
            program: program.to_owned(),
            packages: packages.join(" "),
        })
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_or_a_plain_file_is_not_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("notes.txt");
        fs::write(&plain, "not a program").unwrap();

        assert!(!is_executable(folder.path()));
        assert!(!is_executable(&plain));
    }

    #[test]
    fn the_error_of_a_missing_program_names_its_packages_and_how_to_install_them() {
        let error = find_program("no-such-driver", &["chromium", "chromium-driver"]).unwrap_err();

        let text = error.to_string();
        assert!(text.contains("`no-such-driver`"), "{text}");
        assert!(text.contains("`chromium chromium-driver`"), "{text}");
        assert!(text.contains("`cargo xtask test`"), "{text}");
    }
}
