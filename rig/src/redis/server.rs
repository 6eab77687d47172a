//! A Redis server.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use tempfile::TempDir;

use super::{
    Reply,
    config::{Ports, SOCKET, Setup, config},
    connection::Connection,
};
use crate::{Error, Process, Ready, find_program, free_port, port::on_free_port};

const PROGRAM: &str = "redis-server";

const PACKAGES: &[&str] = &["redis-server"];

/// A running `redis-server`.
///
/// It starts empty and without a password. Acknowledged writes survive a kill and a restart.
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
    /// Starts a server, and waits until it replies.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if `redis-server` is not installed, and the errors of [`Process::start`].
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts a server with additional options of `redis-server` on its command line: `&["--maxmemory", "2mb"]`.
    ///
    /// They override the settings of the rig. Writes survive [`kill`](Redis::kill) without `--appendfsync always`, which
    /// makes each write as slow as the disk.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Redis::start).
    pub fn start_with(arguments: &[&str]) -> Result<Self, Error> {
        Self::launch(&Setup {
            arguments,
            ..Setup::default()
        })
    }

    /// The URL of the server, without a user or a password: `redis://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.ports.client)
    }

    /// The port of 127.0.0.1 that it listens on. It stays the same after a restart.
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// The Unix socket that it listens on as well.
    pub fn unix_socket(&self) -> PathBuf {
        self.process.folder().join(SOCKET)
    }

    /// Executes a command on the server, without regard to passwords. Returns the reply, which may be an error of the
    /// server.
    ///
    /// Each call opens a connection.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the server does not reply within 5 seconds, because it was killed or frozen or is busy. A
    /// sentinel that changes the role of the server also disconnects all clients, including this one.
    pub fn command(&self, words: &[&str]) -> Result<Reply, Error> {
        Connection::open(&self.unix_socket())
            .and_then(|mut connection| connection.send(words))
            .map_err(Error::system(PROGRAM, "execute a command"))
    }

    /// Kills the server (SIGKILL).
    ///
    /// # Errors
    ///
    /// The errors of [`Process::kill`].
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.is_frozen = false;
        self.process.kill()
    }

    /// Starts the server again on the same port and in the same folder, and waits until it replies. If it is running,
    /// kills it first.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Redis::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.is_frozen = false;
        self.process.restart()
    }

    /// Freezes the server (SIGSTOP). It accepts connections, but does not reply.
    ///
    /// # Errors
    ///
    /// The errors of [`Process::stop`].
    pub fn stop(&mut self) -> Result<(), Error> {
        self.process.stop()?;
        self.is_frozen = true;
        Ok(())
    }

    /// Continues a frozen server (SIGCONT).
    ///
    /// # Errors
    ///
    /// The errors of [`Process::cont`].
    pub fn cont(&mut self) -> Result<(), Error> {
        self.is_frozen = false;
        self.process.cont()
    }

    /// The log of the server since its last start.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The port for the other nodes of a cluster.
    pub(super) fn bus_port(&self) -> u16 {
        self.ports.bus
    }

    /// Executes a command of the rig. An error in the reply is an error.
    pub(super) fn require(&self, words: &[&str]) -> Result<Reply, Error> {
        match self.command(words)? {
            Reply::Error(reply) => Err(Error::Refused {
                program: format!("{PROGRAM} on port {}", self.ports.client),
                command: words.join(" "),
                reply,
            }),
            reply => Ok(reply),
        }
    }

    /// The reply of the server, or `None` if it is down or frozen or replies with an error.
    pub(super) fn query(&self, words: &[&str]) -> Option<Reply> {
        if self.is_frozen {
            return None;
        }
        match self.command(words).ok()? {
            Reply::Error(_) => None,
            reply => Some(reply),
        }
    }

    /// The text of the reply, as [`query`](Redis::query) returns it.
    pub(super) fn query_text(&self, words: &[&str]) -> Option<String> {
        self.query(words)?.text().map(Cow::into_owned)
    }

    /// Starts a server of any kind.
    pub(super) fn launch(setup: &Setup<'_>) -> Result<Self, Error> {
        let program = find_program(PROGRAM, PACKAGES)?;
        on_free_port(PROGRAM, |port| Self::launch_on(port, &program, setup))
    }

    fn launch_on(client: u16, program: &Path, setup: &Setup<'_>) -> Result<Self, Error> {
        let folder = TempDir::with_prefix("sessile-redis-")
            .map_err(Error::system(PROGRAM, "create a temporary folder"))?;
        let ports = Ports {
            client,
            bus: free_port().map_err(Error::system(PROGRAM, "find a free port"))?,
        };
        for (name, content) in setup.files {
            write(&folder.path().join(name), content)?;
        }
        let file = folder.path().join("redis.conf");
        write(&file, &config(setup, folder.path(), ports))?;

        let mut command = Command::new(program);
        command.arg(file).args(setup.arguments);
        if setup.mode.is_sentinel() {
            command.arg("--sentinel");
        }
        let socket = folder.path().join(SOCKET);
        let ready = Ready::probe("a reply to PING", move || is_pong(&socket));
        Ok(Self {
            process: Process::start_in(folder, command, ready)?,
            ports,
            is_frozen: false,
        })
    }
}

fn write(file: &Path, content: &str) -> Result<(), Error> {
    fs::write(file, content).map_err(Error::system(PROGRAM, "write a file"))
}

/// Whether the server replies to PING. A server that is loading its data replies with an error.
fn is_pong(socket: &Path) -> bool {
    Connection::open(socket)
        .and_then(|mut connection| connection.send(&["PING"]))
        .is_ok_and(|reply| reply == Reply::Simple("PONG".to_owned()))
}
