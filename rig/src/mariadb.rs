//! Real MariaDB servers.
//!
//! ```
//! use sessile_rig::mariadb::MariaDb;
//!
//! let mut mariadb = MariaDb::start_with(&["max_connections=10"])?;
//! mariadb.execute("CREATE TABLE kept (word text)")?;
//! mariadb.execute("INSERT INTO kept VALUES ('value')")?;
//!
//! mariadb.kill()?;
//! mariadb.restart()?;
//!
//! assert_eq!(mariadb.execute("SELECT word FROM kept")?, "value\n");
//! assert!(mariadb.url().starts_with("mysql://sessile:secret@127.0.0.1:"));
//! # Ok::<(), sessile_rig::Error>(())
//! ```

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Error,
    database::{self, Account, DATABASE, Database, PASSWORD, Template, USER, run_as, write},
    find_program,
    program::find_program_in,
};

/// A running MariaDB server: see [`Database`].
pub type MariaDb = Database<Kind>;

/// A running MariaDB server that accepts only TLS: see [`TlsDatabase`](database::TlsDatabase).
#[cfg(feature = "tls")]
pub type TlsMariaDb = database::TlsDatabase<Kind>;

/// MariaDB as a kind of [`Database`].
#[derive(Debug)]
pub enum Kind {}

/// Settings for a server with 8 MiB of space for its data. When they are used up, deletes fail as well.
pub const SMALL_DISK: &[&str] = &[
    "innodb_file_per_table=0",
    // The first file is the one of the template, and is full. Neither file grows.
    "innodb_data_file_path=ibdata1:12M;ibdata2:8M",
];

/// A setting that adds 8 MiB to such a server when it [restarts with](Database::restart_with) it.
pub const LARGER_DISK: &str = "innodb_data_file_path=ibdata1:12M;ibdata2:8M;ibdata3:8M";

/// The name of the Unix socket in the server's folder.
const SOCKET: &str = "mariadb.sock";

/// Settings that the template has to be created with as well.
const INNODB: &[&str] = &[
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=16M",
    // Writes survive the end of the process without a sync. Only a loss of power would lose them.
    "--innodb-flush-method=nosync",
    // Containers may have too few resources for it.
    "--innodb-use-native-aio=0",
];

static TEMPLATE: Template = Template::new();

impl database::Kind for Kind {
    const PROGRAM: &'static str = "mariadbd";
    const SCHEME: &'static str = "mysql";
    const ACCOUNTS: &'static [&'static str] = &["mysql", "nobody"];
    const READY: &'static str = "ready for connections";

    fn template() -> &'static Template {
        &TEMPLATE
    }

    fn create(data: &Path, account: Account) -> Result<(), Error> {
        let folder = data.parent().unwrap_or(data);
        let sql = format!(
            "FLUSH PRIVILEGES;\n\
             CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n\
             CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON {DATABASE}.* TO {USER}@'%';\n"
        );
        let setup = write(folder.join("setup.sql"), &sql)?;
        let program = find_program("mariadb-install-db", PACKAGES)?;
        let mut install = Command::new(program);
        install
            .current_dir(folder)
            .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
            // The rig connects through the Unix socket, which is in this folder.
            .arg("--auth-root-authentication-method=normal")
            .arg(option("datadir", data))
            .arg(option("extra-file", &setup))
            .arg(option("tmpdir", folder))
            .args(INNODB);
        run_as(account, install)
    }

    fn serve(data: &Path, folder: &Path, port: u16) -> Result<Command, Error> {
        // The `PATH` of some users does not have this folder.
        let folders = [PathBuf::from("/usr/sbin")];
        let mut command = Command::new(find_program_in(&folders, Self::PROGRAM, PACKAGES)?);
        command
            .args(["--no-defaults", "--skip-name-resolve"])
            .args(["--bind-address=127.0.0.1", "--character-set-server=utf8mb4"])
            .arg(format!("--port={port}"))
            .arg(option("datadir", data))
            .arg(option("socket", &folder.join(SOCKET)))
            .arg(option("pid-file", &folder.join("mariadb.pid")))
            // A starting server deletes all temporary tables in this folder, including those of a running server.
            .arg(option("tmpdir", folder))
            .args(INNODB);
        Ok(command)
    }

    fn set(command: &mut Command, setting: &str) {
        command.arg(format!("--{setting}"));
    }

    fn client(folder: &Path, _port: u16, sql: &str) -> Result<Command, Error> {
        let mut command = Command::new(find_program("mariadb", &["mariadb-client-core"])?);
        command
            .args(["--no-defaults", "--connect-timeout=5", "--batch"])
            .args(["--skip-column-names", "--user=root"])
            .arg(option("socket", &folder.join(SOCKET)))
            .args(["--database", DATABASE, "--execute", sql]);
        Ok(command)
    }
}

#[cfg(feature = "tls")]
impl database::TlsKind for Kind {
    fn settings(folder: &Path) -> Vec<String> {
        let path = |name| folder.join(name).display().to_string();
        vec![
            "require-secure-transport=ON".to_owned(),
            format!("ssl-ca={}", path("ca.pem")),
            format!("ssl-cert={}", path("server.pem")),
            format!("ssl-key={}", path("server.key")),
            format!("init-file={}", path("rules")),
        ]
    }

    /// As statements.
    fn rules(need_certificates: bool) -> String {
        let certificate = if need_certificates { "X509" } else { "NONE" };
        format!("ALTER USER {USER}@'%' REQUIRE {certificate};\n")
    }
}

const PACKAGES: &[&str] = &["mariadb-server-core"];

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
