//! The Debian packages that the tests need.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use crate::run::{self, Failure};

/// A program, or a file by its absolute path, and the package that contains it. `*` in a path stands for one folder.
struct Need {
    program: &'static str,
    package: &'static str,
}

/// The programs and files for building with all features and for testing.
const NEEDS: &[Need] = &[
    // SQLite is compiled from source.
    Need {
        program: "cc",
        package: "build-essential",
    },
    // The feature that uses OpenSSL needs its headers.
    Need {
        program: "pkg-config",
        package: "pkg-config",
    },
    Need {
        program: "/usr/include/openssl/ssl.h",
        package: "libssl-dev",
    },
    // The tests of the demo use a browser.
    Need {
        program: "chromium",
        package: "chromium",
    },
    Need {
        program: "chromedriver",
        package: "chromium-driver",
    },
    // The tests start Redis servers.
    Need {
        program: "redis-server",
        package: "redis-server",
    },
    // Valgrind counts the instructions of a request.
    Need {
        program: "valgrind",
        package: "valgrind",
    },
    // A TLS client that does not use the library.
    Need {
        program: "redis-cli",
        package: "redis-tools",
    },
    // The tests start PostgreSQL servers. Debian's package may start its own server, which no test uses.
    Need {
        program: "/usr/lib/postgresql/*/bin/postgres",
        package: "postgresql",
    },
    // A pooler in front of a PostgreSQL server. Debian's package may start its own, which no test uses.
    Need {
        program: "/usr/sbin/pgbouncer",
        package: "pgbouncer",
    },
    // A proxy in front of servers that replace each other. Debian's package may start its own, which no test uses.
    Need {
        program: "/usr/sbin/haproxy",
        package: "haproxy",
    },
    // The package has only the programs, and no service that Debian would start.
    Need {
        program: "/usr/sbin/mariadbd",
        package: "mariadb-server-core",
    },
    Need {
        program: "mariadb",
        package: "mariadb-client-core",
    },
    // The tests start web servers as caches. Debian's package may start its own nginx on port 80, which no test uses. The
    // package `apache2`, which has a service that Debian would start, is not needed.
    Need {
        program: "/usr/sbin/nginx",
        package: "nginx",
    },
    Need {
        program: "/usr/sbin/apache2",
        package: "apache2-bin",
    },
];

/// Installs missing packages. Without the rights to do so, the error names them.
pub(crate) fn ensure() -> Result<(), Failure> {
    let missing = missing(exists);
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() || !is_on_path("apt-get") {
        return Err(Failure::Check(advice(&missing)));
    }
    println!(
        "Installing packages that the tests need: {}",
        missing.join(" ")
    );
    run::run(apt_get(&["update", "--quiet"]))?;
    run::run(apt_get(&install(&missing)))
}

/// The packages of the missing programs.
fn missing(exists: impl Fn(&str) -> bool) -> Vec<&'static str> {
    NEEDS
        .iter()
        .filter(|need| !exists(need.program))
        .map(|need| need.package)
        .collect()
}

fn advice(missing: &[&str]) -> String {
    let packages = missing.join(" ");
    format!(
        "Programs that the tests need are missing. On Debian, this command installs them:\n\n  \
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

fn exists(program: &str) -> bool {
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

/// The owner of `/proc/self` is the user of this process.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_package_is_missing_if_all_programs_exist() {
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
    fn the_advice_has_the_command() {
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
    fn a_path_is_checked_as_a_file() {
        assert!(exists("/proc/self/status"));
        assert!(!exists("/proc/self/no-such-file"));
        assert!(exists("/proc/*/status"));
        assert!(!exists("/proc/*/no-such-file"));
        assert!(!exists("/no-such-folder/*/status"));
        assert!(exists("sh"));
    }
}
