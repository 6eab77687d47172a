//! One Redis server.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use tempfile::TempDir;

use super::{
    Reply,
    config::{Mode, Ports, SOCKET, Setup, config},
    connection::Connection,
};
use crate::{Error, Process, Ready, find_program, free_port, port::on_free_port};

const PROGRAM: &str = "redis-server";

const PACKAGES: &[&str] = &["redis-server"];

/// A running `redis-server`.
///
/// It starts empty and without a password. Killed and started again, it still has every write that it answered for.
///
/// ```
/// use sessile_rig::redis::Redis;
///
/// let redis = Redis::start_with(&["--requirepass", "secret"])?;
///
/// assert!(redis.url().starts_with("redis://127.0.0.1:"));
/// assert!(redis.command(&["SET", "key", "value", "PX", "60000"])?.is_ok());
/// assert!(redis.command(&["PTTL", "key"])?.integer() > Some(0));
/// # Ok::<(), sessile_rig::Error>(())
/// ```
#[derive(Debug)]
pub struct Redis {
    process: Process,
    ports: Ports,
    is_frozen: bool,
}

impl Redis {
    /// Starts a server, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if there is no `redis-server`, and those of [`Process::start`].
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts a server with options of `redis-server`'s on its command line: `&["--maxmemory", "2mb"]`.
    ///
    /// They overrule what the rig sets. `--appendfsync always` makes each write as slow as the disk is, which is not
    /// needed for a write to survive [`kill`](Redis::kill).
    ///
    /// # Errors
    ///
    /// As [`start`](Redis::start).
    pub fn start_with(arguments: &[&str]) -> Result<Self, Error> {
        Self::launch(&Setup {
            arguments,
            ..Setup::default()
        })
    }

    /// Where it listens, as a URL without user or password: `redis://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.ports.client)
    }

    /// The port of 127.0.0.1 that it listens on, also after a restart.
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// The unix socket that it listens on as well.
    pub fn unix_socket(&self) -> PathBuf {
        self.process.folder().join(SOCKET)
    }

    /// Runs a command on the server, past any password, and returns its answer, which may be an error of the server's.
    ///
    /// Each call is a connection of its own.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the server doesn't answer within 5 seconds: it was killed or frozen, or is busy. A sentinel
    /// that gives it another part disconnects everybody, and this as well.
    pub fn command(&self, words: &[&str]) -> Result<Reply, Error> {
        Connection::open(&self.unix_socket())
            .and_then(|mut connection| connection.send(words))
            .map_err(Error::system(PROGRAM, "answer a command"))
    }

    /// Kills the server (SIGKILL).
    ///
    /// # Errors
    ///
    /// As [`Process::kill`].
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.is_frozen = false;
        self.process.kill()
    }

    /// Starts the server again on the same port and in the same folder, and waits until it answers. Kills it first if it runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Redis::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.is_frozen = false;
        self.process.restart()
    }

    /// Freezes the server (SIGSTOP): it accepts connections and answers nothing.
    ///
    /// # Errors
    ///
    /// As [`Process::stop`].
    pub fn stop(&mut self) -> Result<(), Error> {
        self.process.stop()?;
        self.is_frozen = true;
        Ok(())
    }

    /// Lets a frozen server go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// As [`Process::cont`].
    pub fn cont(&mut self) -> Result<(), Error> {
        self.is_frozen = false;
        self.process.cont()
    }

    /// All that the server wrote to its log since it was last started.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The port that it talks to the other nodes of a cluster on.
    pub(super) fn bus_port(&self) -> u16 {
        self.ports.bus
    }

    /// The answer to a command of the rig's own, which must not fail.
    pub(super) fn require(&self, words: &[&str]) -> Result<Reply, Error> {
        match self.command(words)? {
            Reply::Error(answer) => Err(Error::Refused {
                program: format!("{PROGRAM} on port {}", self.ports.client),
                command: words.join(" "),
                answer,
            }),
            reply => Ok(reply),
        }
    }

    /// What the server answers, or nothing if it is down, frozen or refuses.
    pub(super) fn look(&self, words: &[&str]) -> Option<Reply> {
        if self.is_frozen {
            return None;
        }
        match self.command(words).ok()? {
            Reply::Error(_) => None,
            reply => Some(reply),
        }
    }

    /// As [`look`](Redis::look), for an answer that is a text.
    pub(super) fn look_at_text(&self, words: &[&str]) -> Option<String> {
        self.look(words)?.text().map(Cow::into_owned)
    }

    /// Starts a server of any kind.
    pub(super) fn launch(setup: &Setup<'_>) -> Result<Self, Error> {
        let program = find_program(PROGRAM, PACKAGES)?;
        on_free_port(PROGRAM, |port| Self::launch_on(port, &program, setup))
    }

    fn launch_on(client: u16, program: &Path, setup: &Setup<'_>) -> Result<Self, Error> {
        let folder = TempDir::with_prefix("sessile-redis-")
            .map_err(Error::system(PROGRAM, "make a temporary folder"))?;
        let ports = Ports {
            client,
            bus: free_port().map_err(Error::system(PROGRAM, "be given a port"))?,
        };
        for (name, content) in setup.files {
            write(&folder.path().join(name), content)?;
        }
        let file = folder.path().join("redis.conf");
        write(&file, &config(setup, folder.path(), ports))?;

        let mut command = Command::new(program);
        command.arg(file).args(setup.arguments);
        if setup.mode == Mode::Sentinel {
            command.arg("--sentinel");
        }
        let socket = folder.path().join(SOCKET);
        let ready = Ready::probe("an answer to PING", move || is_pong(&socket));
        Ok(Self {
            process: Process::start_in(folder, command, ready)?,
            ports,
            is_frozen: false,
        })
    }
}

fn write(file: &Path, content: &str) -> Result<(), Error> {
    fs::write(file, content).map_err(Error::system(PROGRAM, "be given a file"))
}

/// A server that still loads its data answers with an error.
fn is_pong(socket: &Path) -> bool {
    Connection::open(socket)
        .and_then(|mut connection| connection.send(&["PING"]))
        .is_ok_and(|reply| reply == Reply::Simple("PONG".to_owned()))
}
