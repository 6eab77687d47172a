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

/// What MariaDB is to [`Database`].
#[derive(Debug)]
pub enum Kind {}

/// Settings for a server whose data has 8 MiB of room: then its disk is full, also for deleting.
pub const SMALL_DISK: &[&str] = &[
    "innodb_file_per_table=0",
    // The first file is as the template has it, and full. Neither grows.
    "innodb_data_file_path=ibdata1:12M;ibdata2:8M",
];

/// A setting for such a server to [restart with](Database::restart_with): 8 MiB more.
pub const LARGER_DISK: &str = "innodb_data_file_path=ibdata1:12M;ibdata2:8M;ibdata3:8M";

/// The unix socket's name in the server's folder.
const SOCKET: &str = "mariadb.sock";

/// What the template must be made with as well.
const INNODB: &[&str] = &[
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=16M",
    // What was written survives the end of the process without a sync; only a loss of power would take it.
    "--innodb-flush-method=nosync",
    // Containers may have no room for it.
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
            // The rig comes through the socket, to which only this folder leads.
            .arg("--auth-root-authentication-method=normal")
            .arg(option("datadir", data))
            .arg(option("extra-file", &setup))
            .arg(option("tmpdir", folder))
            .args(INNODB);
        run_as(account, install)
    }

    fn serve(data: &Path, folder: &Path, port: u16) -> Result<Command, Error> {
        // Not every user has its folder on the `PATH`.
        let folders = [PathBuf::from("/usr/sbin")];
        let mut command = Command::new(find_program_in(&folders, Self::PROGRAM, PACKAGES)?);
        command
            .args(["--no-defaults", "--skip-name-resolve"])
            .args(["--bind-address=127.0.0.1", "--character-set-server=utf8mb4"])
            .arg(format!("--port={port}"))
            .arg(option("datadir", data))
            .arg(option("socket", &folder.join(SOCKET)))
            .arg(option("pid-file", &folder.join("mariadb.pid")))
            // A server that starts deletes the temporary tables that it finds in its folder for them, also those
            // of a server that runs.
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

const PACKAGES: &[&str] = &["mariadb-server-core"];

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
