//! Real PostgreSQL servers.
//!
//! ```
//! use sessile_rig::postgres::Postgres;
//!
//! let mut postgres = Postgres::start_with(&["default_transaction_isolation=serializable"])?;
//! postgres.execute("CREATE TABLE kept (word text)")?;
//! postgres.execute("INSERT INTO kept VALUES ('value')")?;
//!
//! postgres.kill()?;
//! postgres.restart()?;
//!
//! assert_eq!(postgres.execute("SELECT word FROM kept")?, "value\n");
//! assert!(postgres.url().starts_with("postgres://sessile:secret@127.0.0.1:"));
//! # Ok::<(), sessile_rig::Error>(())
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Error,
    database::{
        self, Account, DATABASE, Database, PASSWORD, Template, USER, account, run_as, write,
    },
    port::on_free_port,
    program::find_program_in,
};

/// A running PostgreSQL server: see [`Database`].
pub type Postgres = Database<Kind>;

/// A running PostgreSQL server that accepts only TLS: see [`TlsDatabase`](database::TlsDatabase).
#[cfg(feature = "tls")]
pub type TlsPostgres = database::TlsDatabase<Kind>;

/// PostgreSQL as a kind of [`Database`].
#[derive(Debug)]
pub enum Kind {}

/// Debian installs the programs of each version in a separate folder, which is not on the `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";

const SUPERUSER: &str = "postgres";

static TEMPLATE: Template = Template::new();

impl Postgres {
    /// Starts a standby of this server, which replicates it and can be read. `SELECT pg_promote()` makes it a server
    /// that accepts writes.
    ///
    /// ```
    /// use sessile_rig::postgres::Postgres;
    ///
    /// let primary = Postgres::start()?;
    /// primary.execute("CREATE TABLE kept (word text)")?;
    /// let standby = primary.start_standby()?;
    ///
    /// assert_eq!(standby.execute("SELECT count(*) FROM kept")?, "0\n");
    /// assert!(standby.execute("INSERT INTO kept VALUES ('value')").is_err());
    /// standby.execute("SELECT pg_promote()")?;
    /// standby.execute("INSERT INTO kept VALUES ('value')")?;
    /// # Ok::<(), sessile_rig::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Database::start).
    pub fn start_standby(&self) -> Result<Self, Error> {
        const READY: &str = "database system is ready to accept read-only connections";
        on_free_port("postgres", |port| {
            Self::serve(port, &[], READY, |data| self.copy_to(data))
        })
    }

    /// Copies the data while the server runs, with the settings of a standby.
    fn copy_to(&self, data: &Path) -> Result<(), Error> {
        let mut copy = Command::new(program("pg_basebackup")?);
        copy.arg("--host")
            .arg(self.folder())
            .arg(format!("--port={}", self.port()))
            .args(["--username", SUPERUSER, "--checkpoint=fast", "--no-sync"])
            .args(["--wal-method=stream", "--write-recovery-conf"])
            .arg("--pgdata")
            .arg(data);
        run_as(account::<Kind>()?, copy)
    }

    /// Limits the size of each file of the server, in bytes, until the next restart. A file that has reached the limit
    /// keeps its content and does not grow, as on a full disk. `None` removes the limit.
    ///
    /// A new server writes less than 2 MiB to each file by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the server has ended, [`Error::System`] if the operating system refuses.
    pub fn limit_files(&mut self, bytes: Option<u64>) -> Result<(), Error> {
        let account = account::<Kind>()?;
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        for id in self.process.tree()? {
            let mut command = Command::new("prlimit");
            command.args([format!("--pid={id}"), format!("--fsize={limit}:")]);
            let outcome = run_as(account, command);
            // A descendant may have ended in the meantime.
            if id.as_raw().cast_unsigned() == self.id() {
                outcome?;
            }
        }
        Ok(())
    }
}

impl database::Kind for Kind {
    const PROGRAM: &'static str = "postgres";
    const SCHEME: &'static str = "postgres";
    const ACCOUNTS: &'static [&'static str] = &["postgres", "nobody"];
    const READY: &'static str = "database system is ready to accept connections";

    fn template() -> &'static Template {
        &TEMPLATE
    }

    fn create(data: &Path, account: Account) -> Result<(), Error> {
        let folder = data.parent().unwrap_or(data);
        let password = write(folder.join("password"), PASSWORD)?;
        let mut initdb = Command::new(program("initdb")?);
        initdb
            .current_dir(folder)
            .args(["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])
            // The rig connects through the Unix socket, which is in this folder.
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .args(["--username", SUPERUSER, "--wal-segsize=1"])
            .arg("--pwfile")
            .arg(password)
            .arg("--pgdata")
            .arg(data);
        run_as(account, initdb)?;

        let sql = format!(
            "CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}';\n\
             CREATE DATABASE {DATABASE} OWNER {USER};\n"
        );
        write(folder.join("setup.sql"), &sql)?;
        // A server in single-user mode reads statements from its standard input, one per line.
        // By default it continues after an error.
        let mut single = Command::new("sh");
        single
            .current_dir(folder)
            .args(["-c", r#"exec "$0" "$@" < setup.sql"#])
            .arg(program("postgres")?)
            .args(["--single", "-F", "-c", "exit_on_error=true", "-D"])
            .arg(data)
            .arg("postgres");
        run_as(account, single)
    }

    fn serve(data: &Path, folder: &Path, port: u16) -> Result<Command, Error> {
        let mut command = Command::new(program("postgres")?);
        command
            .env("LC_ALL", "C.UTF-8")
            .arg("-D")
            .arg(data)
            .arg(format!("--port={port}"))
            .arg("--listen_addresses=127.0.0.1")
            .arg(format!("--unix_socket_directories={}", folder.display()))
            // Writes survive the end of the process without a sync. Only a loss of power would lose them.
            .arg("--fsync=off")
            .arg("--shared_buffers=16MB")
            // The memory is a file in the folder, so it is removed with the folder after a kill.
            .arg("--dynamic_shared_memory_type=mmap");
        Ok(command)
    }

    fn set(command: &mut Command, setting: &str) {
        command.args(["-c", setting]);
    }

    fn client(folder: &Path, port: u16, sql: &str) -> Result<Command, Error> {
        let mut command = Command::new(program("psql")?);
        command
            .env("PGCONNECT_TIMEOUT", "5")
            .env("PGOPTIONS", "--client-min-messages=warning")
            .args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet"])
            .args(["--username", SUPERUSER, "--dbname", DATABASE])
            .arg("--host")
            .arg(folder)
            .arg(format!("--port={port}"))
            .args(["--command", sql]);
        Ok(command)
    }

    fn clean_up(data: &Path) {
        // A killed server leaves a shared-memory segment of a few bytes, which marks the folder as in use. A machine has
        // a limit of some thousands of segments.
        let Some(id) = shared_memory(data) else {
            return;
        };
        let _ = Command::new("ipcrm")
            .args(["--shmem-id", &id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

#[cfg(feature = "tls")]
impl database::TlsKind for Kind {
    fn settings(folder: &Path) -> Vec<String> {
        let path = |name| folder.join(name).display().to_string();
        vec![
            "ssl=on".to_owned(),
            format!("ssl_ca_file={}", path("ca.pem")),
            format!("ssl_cert_file={}", path("server.pem")),
            format!("ssl_key_file={}", path("server.key")),
            format!("hba_file={}", path("rules")),
        ]
    }

    fn rules(need_certificates: bool) -> String {
        let clients = if need_certificates {
            "clientcert=verify-ca"
        } else {
            ""
        };
        format!("local all all trust\nhostssl all all all scram-sha-256 {clients}\n")
    }
}

/// The id of the server's shared memory: the second number in the seventh line of `postmaster.pid`.
fn shared_memory(data: &Path) -> Option<String> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let mut numbers = text.lines().nth(6)?.split_whitespace();
    numbers.nth(1).map(str::to_owned)
}

/// The program of the newest version, or the one on the `PATH`.
fn program(name: &str) -> Result<PathBuf, Error> {
    find_program_in(&versions(), name, &["postgresql"])
}

/// The folders with the programs of all versions, the newest first.
fn versions() -> Vec<PathBuf> {
    let entries = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    let folder = |version| PathBuf::from(format!("{VERSIONS}/{version}/bin"));
    versions.into_iter().rev().map(folder).collect()
}
