//! PgBouncer in front of a PostgreSQL server.
//!
//! ```
//! use sessile_rig::{pgbouncer::PgBouncer, postgres::Postgres};
//!
//! let postgres = Postgres::start()?;
//! let pooler = PgBouncer::start(&postgres, &["default_pool_size = 2"])?;
//!
//! assert_eq!(pooler.url(), postgres.url_on(pooler.port()));
//! # Ok::<(), sessile_rig::Error>(())
//! ```

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{
    Error, Process, Ready,
    account::Account,
    database::{DATABASE, PASSWORD, USER},
    port::on_free_port,
    postgres::Postgres,
    program::find_program_in,
};

/// The users that it may run as if the tests run as root: PgBouncer refuses to run as root.
const ACCOUNTS: &[&str] = &["postgres", "nobody"];

const PROGRAM: &str = "pgbouncer";

const CONFIG: &str = "pgbouncer.ini";

/// A running PgBouncer in transaction mode: each transaction of a client may get another connection to the server.
///
/// It listens on a free port of 127.0.0.1. Its configuration and its log are in its temporary folder. Dropping it kills
/// the pooler and removes the folder.
#[derive(Debug)]
pub struct PgBouncer {
    process: Process,
    url: String,
    port: u16,
    settings: String,
}

impl PgBouncer {
    /// Starts a pooler in front of `server` with additional settings, `name = value`, and waits until it accepts
    /// connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if PgBouncer is not installed, and the errors of [`Process::start`].
    pub fn start(server: &Postgres, settings: &[&str]) -> Result<Self, Error> {
        // Not every user has this folder on the `PATH`.
        let folders = [PathBuf::from("/usr/sbin")];
        let program = find_program_in(&folders, PROGRAM, &["pgbouncer"])?;
        on_free_port(PROGRAM, |port| {
            let failed = |action| Error::system(PROGRAM, action);
            let account = Account::first_of(ACCOUNTS).map_err(failed("find a user"))?;
            let folder = TempDir::with_prefix("sessile-pgbouncer-")
                .map_err(failed("create a temporary folder"))?;
            account
                .chown(folder.path())
                .map_err(failed("change the owner of its folder"))?;
            let settings = settings.join("\n");
            for (name, content) in [
                ("users.txt", format!("\"{USER}\" \"{PASSWORD}\"\n")),
                (CONFIG, config(port, server.port(), &settings)),
            ] {
                let written = fs::write(folder.path().join(name), content);
                written.map_err(failed("write its configuration"))?;
            }
            let mut command = Command::new(&program);
            command.arg(CONFIG).current_dir(folder.path());
            account.apply_to(&mut command);
            Ok(Self {
                process: Process::start_in(folder, command, Ready::line("process up"))?,
                url: server.url_on(port),
                port,
                settings,
            })
        })
    }

    /// The URL of the server's database through the pooler.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes `server` the server behind the pooler as soon as its console is told to `RELOAD`.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the configuration can't be written.
    pub fn reconfigure(&self, server: &Postgres) -> Result<(), Error> {
        let config = config(self.port, server.port(), &self.settings);
        fs::write(self.process.folder().join(CONFIG), config)
            .map_err(Error::system(PROGRAM, "write its configuration"))
    }

    /// The URL of its console, for a pooler with the setting `admin_users`.
    pub fn console_url(&self) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/pgbouncer",
            self.port
        )
    }

    /// Its log.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

fn config(port: u16, server: u16, settings: &str) -> String {
    format!(
        "[databases]\n\
         {DATABASE} = host=127.0.0.1 port={server}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = scram-sha-256\n\
         auth_file = users.txt\n\
         pool_mode = transaction\n\
         {settings}\n"
    )
}
