//! The Debian packages that the tests need.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use crate::run::{self, Failure};

/// A program, or a file by its whole path, and the package that it comes in. `*` in a path stands for any one folder.
struct Need {
    program: &'static str,
    package: &'static str,
}

/// What building with all features and testing take.
const NEEDS: &[Need] = &[
    // SQLite is compiled in.
    Need {
        program: "cc",
        package: "build-essential",
    },
    // TLS by the operating system's library is built against its headers.
    Need {
        program: "pkg-config",
        package: "pkg-config",
    },
    Need {
        program: "/usr/include/openssl/ssl.h",
        package: "libssl-dev",
    },
    // The demo is used through a browser.
    Need {
        program: "chromium",
        package: "chromium",
    },
    Need {
        program: "chromedriver",
        package: "chromium-driver",
    },
    // The Redis stores are tested against servers that the tests start themselves.
    Need {
        program: "redis-server",
        package: "redis-server",
    },
    // Counts the instructions of a request.
    Need {
        program: "valgrind",
        package: "valgrind",
    },
    // A client of TLS that isn't ours.
    Need {
        program: "redis-cli",
        package: "redis-tools",
    },
    // So are the SQL stores. Debian starts servers of its own where it can; no test talks to those.
    Need {
        program: "/usr/lib/postgresql/*/bin/postgres",
        package: "postgresql",
    },
    // Only the programs: nothing that Debian would start.
    Need {
        program: "/usr/sbin/mariadbd",
        package: "mariadb-server-core",
    },
    Need {
        program: "mariadb",
        package: "mariadb-client-core",
    },
    // Pages are requested through the caches of web servers. The tests start their own; Debian may start its nginx on
    // port 80, which no test uses. The package `apache2`, whose service Debian would start, is not needed.
    Need {
        program: "/usr/sbin/nginx",
        package: "nginx",
    },
    Need {
        program: "/usr/sbin/apache2",
        package: "apache2-bin",
    },
];

/// Installs what is missing, or says what to install.
pub(crate) fn ensure() -> Result<(), Failure> {
    let missing = missing(is_there);
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() || !is_on_path("apt-get") {
        return Err(Failure::Check(advice(&missing)));
    }
    println!("Installing what the tests need: {}", missing.join(" "));
    run::run(apt_get(&["update", "--quiet"]))?;
    run::run(apt_get(&install(&missing)))
}

/// The packages of the programs that aren't there.
fn missing(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    NEEDS
        .iter()
        .filter(|need| !is_there(need.program))
        .map(|need| need.package)
        .collect()
}

fn advice(missing: &[&str]) -> String {
    let packages = missing.join(" ");
    format!(
        "The tests need what this machine lacks. On Debian, this installs them:\n\n  \
         sudo apt-get install --yes --no-install-recommends {packages}\n"
    )
}

fn install<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    arguments
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_there(program: &str) -> bool {
    if program.starts_with('/') {
        is_file(program)
    } else {
        is_on_path(program)
    }
}

fn is_file(path: &str) -> bool {
    let Some((folder, rest)) = path.split_once("/*/") else {
        return Path::new(path).exists();
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders = entries.map(|entry| entry.path());
    folders.any(|it| it.join(rest).exists())
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// A process owns its own entry in `/proc`, so that its owner is the user we run as.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missing_where_everything_is() {
        assert!(missing(|_| true).is_empty());
    }

    #[test]
    fn a_missing_program_is_a_missing_package() {
        assert_eq!(
            missing(|program| program != "chromedriver"),
            ["chromium-driver"]
        );
    }

    #[test]
    fn the_advice_is_a_command_to_copy() {
        let advice = advice(&missing(|program| !program.starts_with("chrom")));

        assert!(
            advice.contains(
                "apt-get install --yes --no-install-recommends chromium chromium-driver\n"
            ),
            "{advice}"
        );
    }

    #[test]
    fn only_executable_files_are_programs() {
        assert!(is_on_path("sh"));
        assert!(!is_on_path("no-such-program"));
        assert!(!is_executable(Path::new("/proc/self/status")));
    }

    #[test]
    fn a_file_is_looked_for_where_it_is() {
        assert!(is_there("/proc/self/status"));
        assert!(!is_there("/proc/self/no-such-file"));
        assert!(is_there("/proc/*/status"));
        assert!(!is_there("/proc/*/no-such-file"));
        assert!(!is_there("/no-such-folder/*/status"));
        assert!(is_there("sh"));
    }
}
