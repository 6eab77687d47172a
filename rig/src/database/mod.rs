//! The common part of the database servers in [`postgres`](crate::postgres) and [`mariadb`](crate::mariadb).

mod template;
#[cfg(feature = "tls")]
mod tls;

use std::{
    fmt, fs,
    marker::PhantomData,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

pub use crate::account::Account;
pub use template::Template;
#[cfg(feature = "tls")]
pub use tls::{TlsDatabase, TlsKind};

use crate::{Error, Process, Ready, port::on_free_port};

/// The user that owns the database of [`Database::url`].
pub(crate) const USER: &str = "sessile";

/// The password of [`USER`].
pub(crate) const PASSWORD: &str = "secret";

/// The name of the database.
pub(crate) const DATABASE: &str = "sessile";

/// Far longer than any command takes. Only a command that hangs reaches this limit.
const LIMIT: Duration = Duration::from_secs(60);

/// A kind of database server.
///
/// Tests for several kinds are generic over this trait.
pub trait Kind: 'static {
    /// The server's program, used in messages.
    const PROGRAM: &'static str;
    /// The scheme of its URLs.
    const SCHEME: &'static str;
    /// The users that may run it instead of root. The first one that exists is used.
    const ACCOUNTS: &'static [&'static str];
    /// The message in its log when it is ready.
    const READY: &'static str;

    /// The template that the folder of a new server is copied from.
    fn template() -> &'static Template;

    /// Creates an empty database in the folder `data`, which does not exist yet. Temporary files may be beside it.
    ///
    /// # Errors
    ///
    /// The errors of [`Process::start`], and [`Error::Ended`] if a command fails.
    fn create(data: &Path, account: Account) -> Result<(), Error>;

    /// The command that serves the database in `data`, with a Unix socket in `folder`.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if the program is not installed.
    fn serve(data: &Path, folder: &Path, port: u16) -> Result<Command, Error>;

    /// Adds a setting, `name=value`, to the command that serves the database.
    fn set(command: &mut Command, setting: &str);

    /// The command that runs statements as the superuser.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if the program is not installed.
    fn client(folder: &Path, port: u16, sql: &str) -> Result<Command, Error>;

    /// Removes the resources that a killed server leaves in the kernel. By default, there are none.
    fn clean_up(_data: &Path) {}
}

/// A running database server with an empty database that an ordinary user owns.
///
/// It listens on a free port of 127.0.0.1 and on a Unix socket in its temporary folder. The rig connects through the
/// socket, as a superuser without a password. Acknowledged writes survive [`kill`](Database::kill) and
/// [`restart`](Database::restart).
pub struct Database<K: Kind> {
    pub(crate) process: Process,
    port: u16,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Database<K> {
    /// Starts a server, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if one of its programs is not installed, and the errors of [`Process::start`].
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts a server with additional settings: `&["max_connections=10"]`. They override the settings of the rig.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Database::start).
    pub fn start_with(settings: &[&str]) -> Result<Self, Error> {
        on_free_port(K::PROGRAM, |port| Self::start_on(port, settings))
    }

    /// The URL of the database, for the user that owns it: `postgres://sessile:secret@127.0.0.1:4711/sessile`.
    pub fn url(&self) -> String {
        self.url_as(USER, PASSWORD)
    }

    /// Like [`url`](Database::url), for another user. The name and the password are not escaped.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.url_through(self.port, user, password)
    }

    /// Like [`url`](Database::url), with the port of a [`Proxy`](crate::proxy::Proxy).
    pub fn url_on(&self, port: u16) -> String {
        self.url_through(port, USER, PASSWORD)
    }

    /// The port of 127.0.0.1 that it listens on. It stays the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Executes statements in the database as a superuser. Returns the result as the server's command-line client prints
    /// it without headings: one line per row.
    ///
    /// Each call opens a connection.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the server refuses a statement, can't be reached, or does not complete the login within 5
    /// seconds.
    pub fn execute(&self, sql: &str) -> Result<String, Error> {
        let mut client = run(K::client(self.process.folder(), self.port, sql)?)?;
        match client.wait(LIMIT)?.success() {
            true => Ok(client.output()),
            false => Err(Error::Refused {
                program: K::PROGRAM.to_owned(),
                command: shorten(sql),
                reply: shorten(&client.output()),
            }),
        }
    }

    /// Kills all processes of the server (SIGKILL).
    ///
    /// # Errors
    ///
    /// The errors of [`Process::kill`].
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.process.kill()
    }

    /// Starts the server again on the same port and in the same folder, and waits until it accepts connections. If it is
    /// running, kills it first.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Database::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.process.restart()
    }

    /// Like [`restart`](Database::restart), with additional settings, which override earlier ones. Later restarts keep
    /// them.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Database::start).
    pub fn restart_with(&mut self, settings: &[&str]) -> Result<(), Error> {
        for setting in settings {
            K::set(self.process.command_mut(), setting);
        }
        self.restart()
    }

    /// Freezes all processes of the server (SIGSTOP). It accepts connections, but does not reply.
    ///
    /// # Errors
    ///
    /// The errors of [`Process::stop`].
    pub fn stop(&mut self) -> Result<(), Error> {
        self.process.stop()
    }

    /// Continues a frozen server (SIGCONT).
    ///
    /// # Errors
    ///
    /// The errors of [`Process::cont`].
    pub fn cont(&mut self) -> Result<(), Error> {
        self.process.cont()
    }

    /// The log of the server since its last start.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The id of the server's first process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The temporary folder with all data of the server.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    fn url_through(&self, port: u16, user: &str, password: &str) -> String {
        format!(
            "{}://{user}:{password}@127.0.0.1:{port}/{DATABASE}",
            K::SCHEME
        )
    }

    fn start_on(port: u16, settings: &[&str]) -> Result<Self, Error> {
        let failed = |action| Error::system(K::PROGRAM, action);
        let account = account::<K>()?;
        let template = K::template().folder(K::PROGRAM, |folder| {
            account
                .chown(folder)
                .map_err(failed("change the owner of its folder"))?;
            K::create(&folder.join("data"), account)
        })?;
        Self::serve(port, settings, K::READY, |data| {
            copy(&template.join("data"), data)
        })
    }

    /// Starts a server in a folder whose data `fill` creates. `ready` is the message in its log when it is ready.
    pub(crate) fn serve(
        port: u16,
        settings: &[&str],
        ready: &str,
        fill: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let failed = |action| Error::system(K::PROGRAM, action);
        let account = account::<K>()?;
        let folder = TempDir::with_prefix("sessile-database-")
            .map_err(failed("create a temporary folder"))?;
        account
            .chown(folder.path())
            .map_err(failed("change the owner of its folder"))?;
        let data = folder.path().join("data");
        fill(&data)?;

        let mut command = K::serve(&data, folder.path(), port)?;
        for setting in settings {
            K::set(&mut command, setting);
        }
        account.apply_to(command.current_dir(folder.path()));
        Ok(Self {
            process: Process::start_in(folder, command, Ready::line(ready))?,
            port,
            kind: PhantomData,
        })
    }
}

impl<K: Kind> Drop for Database<K> {
    fn drop(&mut self) {
        // An error needs no further action. A panic here would hide that of the test.
        let _ = self.process.kill();
        K::clean_up(&self.process.folder().join("data"));
    }
}

impl<K: Kind> fmt::Debug for Database<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("process", &self.process)
            .field("port", &self.port)
            .finish()
    }
}

/// The account that servers of this kind run under.
pub(crate) fn account<K: Kind>() -> Result<Account, Error> {
    Account::first_of(K::ACCOUNTS).map_err(Error::system(K::PROGRAM, "find a user"))
}

/// Runs a command under an account, and waits until it ends with success.
pub(crate) fn run_as(account: Account, mut command: Command) -> Result<(), Error> {
    account.apply_to(&mut command);
    run(command)?.wait_for_success(LIMIT)
}

fn run(command: Command) -> Result<Process, Error> {
    Process::start(command, Ready::at_once())
}

/// The text for a message, with long lines cut.
fn shorten(text: &str) -> String {
    let cut = |line: &str| line.chars().take(200).collect::<String>();
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// Writes a file that a command reads.
pub(crate) fn write(file: PathBuf, content: &str) -> Result<PathBuf, Error> {
    fs::write(&file, content).map_err(Error::system("the server", "write a file"))?;
    Ok(file)
}

/// Copies a folder with its owners.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut command = Command::new("cp");
    command.arg("-a").args([from, to]);
    run(command)?.wait_for_success(LIMIT)
}
