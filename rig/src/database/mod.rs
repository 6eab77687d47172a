//! What the database servers have in common. They are in [`postgres`](crate::postgres) and [`mariadb`](crate::mariadb).

mod template;

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

use crate::{Error, Process, Ready, port::on_free_port};

/// Who owns the database that [`Database::url`] leads to.
pub(crate) const USER: &str = "sessile";

/// The password of [`USER`].
pub(crate) const PASSWORD: &str = "secret";

/// The name of the database.
pub(crate) const DATABASE: &str = "sessile";

/// Far longer than anything that is run here takes: it ends what hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What tells one kind of database server from another.
///
/// Tests that are for several kinds are generic over it.
pub trait Kind: 'static {
    /// The server's program, for messages.
    const PROGRAM: &'static str;
    /// What its URLs begin with.
    const SCHEME: &'static str;
    /// Who runs it in place of root: the first of them that exists.
    const ACCOUNTS: &'static [&'static str];
    /// What its log says when it is ready.
    const READY: &'static str;

    /// What the folder of a new server is copied from.
    fn template() -> &'static Template;

    /// Makes an empty database in the folder `data`, which isn't there yet. What that takes may lie beside it.
    ///
    /// # Errors
    ///
    /// Those of [`Process::start`], and [`Error::Ended`] if it fails.
    fn create(data: &Path, account: Account) -> Result<(), Error>;

    /// The command that serves the database in `data`, with a unix socket in `folder`.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if there is no such program.
    fn serve(data: &Path, folder: &Path, port: u16) -> Result<Command, Error>;

    /// Adds a setting, `name=value`, to that command.
    fn set(command: &mut Command, setting: &str);

    /// The command that runs statements as the superuser.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if there is no such program.
    fn client(folder: &Path, port: u16, sql: &str) -> Result<Command, Error>;

    /// Removes what a killed server leaves in the kernel. By default, it leaves nothing.
    fn clean_up(_data: &Path) {}
}

/// A running database server with an empty database that an ordinary user owns.
///
/// It listens on a free port of 127.0.0.1 and on a unix socket in its temporary folder; the rig itself comes through the socket, as a
/// superuser without a password. What it acknowledged is still there after [`kill`](Database::kill) and [`restart`](Database::restart).
pub struct Database<K: Kind> {
    pub(crate) process: Process,
    port: u16,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Database<K> {
    /// Starts a server, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if a program of its is missing, and those of [`Process::start`].
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts a server with settings of its own: `&["max_connections=10"]`. They overrule what the rig sets.
    ///
    /// # Errors
    ///
    /// As [`start`](Database::start).
    pub fn start_with(settings: &[&str]) -> Result<Self, Error> {
        on_free_port(K::PROGRAM, |port| Self::start_on(port, settings))
    }

    /// Where it is, for the user that owns the database: `postgres://sessile:secret@127.0.0.1:4711/sessile`.
    pub fn url(&self) -> String {
        self.url_as(USER, PASSWORD)
    }

    /// As [`url`](Database::url), for another user. Name and password go in as they are.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.url_through(self.port, user, password)
    }

    /// As [`url`](Database::url), through a [`Proxy`](crate::proxy::Proxy) on another port.
    pub fn url_on(&self, port: u16) -> String {
        self.url_through(port, USER, PASSWORD)
    }

    /// The port of 127.0.0.1 that it listens on, also after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements in the database as a superuser, and returns what they answer: a line for each row, as the server's
    /// own client prints them without headings.
    ///
    /// Each call is a connection of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the server refuses one of them, can't be reached, or doesn't let anybody in within 5 seconds.
    pub fn execute(&self, sql: &str) -> Result<String, Error> {
        let mut client = run(K::client(self.process.folder(), self.port, sql)?)?;
        match client.wait(LIMIT)?.success() {
            true => Ok(client.output()),
            false => Err(Error::Refused {
                program: K::PROGRAM.to_owned(),
                command: shorten(sql),
                answer: shorten(&client.output()),
            }),
        }
    }

    /// Kills the server with all its processes (SIGKILL).
    ///
    /// # Errors
    ///
    /// As [`Process::kill`].
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.process.kill()
    }

    /// Starts the server again on the same port and in the same folder, and waits until it takes connections. Kills it first if it runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Database::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.process.restart()
    }

    /// As [`restart`](Database::restart), from now on with settings that overrule the former ones.
    ///
    /// # Errors
    ///
    /// As [`start`](Database::start).
    pub fn restart_with(&mut self, settings: &[&str]) -> Result<(), Error> {
        for setting in settings {
            K::set(self.process.command_mut(), setting);
        }
        self.restart()
    }

    /// Freezes the server with all its processes (SIGSTOP): connections are accepted, and nothing is answered.
    ///
    /// # Errors
    ///
    /// As [`Process::stop`].
    pub fn stop(&mut self) -> Result<(), Error> {
        self.process.stop()
    }

    /// Lets a frozen server go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// As [`Process::cont`].
    pub fn cont(&mut self) -> Result<(), Error> {
        self.process.cont()
    }

    /// All that the server wrote to its log since it was last started.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The server's first process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The temporary folder, with all its data.
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
            account.own(folder).map_err(failed("own its folder"))?;
            K::create(&folder.join("data"), account)
        })?;
        let folder =
            TempDir::with_prefix("sessile-database-").map_err(failed("make a temporary folder"))?;
        account
            .own(folder.path())
            .map_err(failed("own its folder"))?;
        let data = folder.path().join("data");
        copy(&template.join("data"), &data)?;

        let mut command = K::serve(&data, folder.path(), port)?;
        for setting in settings {
            K::set(&mut command, setting);
        }
        account.run(command.current_dir(folder.path()));
        Ok(Self {
            process: Process::start_in(folder, command, Ready::line(K::READY))?,
            port,
            kind: PhantomData,
        })
    }
}

impl<K: Kind> Drop for Database<K> {
    fn drop(&mut self) {
        // Nothing is left to do if this fails, and a panic here would hide the test's own.
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
    Account::first_of(K::ACCOUNTS).map_err(Error::system(K::PROGRAM, "be given a user"))
}

/// Runs a command under an account until it ends, which must be well.
pub(crate) fn run_as(account: Account, mut command: Command) -> Result<(), Error> {
    account.run(&mut command);
    run(command)?.wait_for_success(LIMIT)
}

fn run(command: Command) -> Result<Process, Error> {
    Process::start(command, Ready::at_once())
}

/// A text that is read by people, without what makes its lines very long.
fn shorten(text: &str) -> String {
    let cut = |line: &str| line.chars().take(200).collect::<String>();
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// Writes a file for a command to read.
pub(crate) fn write(file: PathBuf, content: &str) -> Result<PathBuf, Error> {
    fs::write(&file, content).map_err(Error::system("the server", "be given a file"))?;
    Ok(file)
}

/// Copies a folder with its owners.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut command = Command::new("cp");
    command.arg("-a").args([from, to]);
    run(command)?.wait_for_success(LIMIT)
}
