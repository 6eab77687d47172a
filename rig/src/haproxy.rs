//! HAProxy in front of servers that replace each other.
//!
//! ```
//! use sessile_rig::{haproxy::{HaProxy, REDIS_MASTER}, redis::Redis};
//! use std::{io::{Read, Write}, net::TcpStream};
//!
//! let redis = Redis::start()?;
//! let haproxy = HaProxy::start(&[redis.port()], REDIS_MASTER)?;
//!
//! let mut client = TcpStream::connect(("127.0.0.1", haproxy.port()))?;
//! client.write_all(b"PING\r\n")?;
//! let mut reply = [0; 7];
//! client.read_exact(&mut reply)?;
//! assert_eq!(&reply, b"+PONG\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{Error, Process, Ready, port::on_free_port, program::find_program_in};

const PROGRAM: &str = "haproxy";

/// The lines of its configuration that check whether a server accepts connections.
pub const ACCEPTS: &[&str] = &["option tcp-check"];

/// The lines of its configuration that check whether a server is a Redis master.
pub const REDIS_MASTER: &[&str] = &[
    "option tcp-check",
    r"tcp-check send info\ replication\r\n",
    "tcp-check expect string role:master",
];

/// A running HAProxy, which leads all connections to the first server that passes its check.
///
/// It closes the connections to a server that fails its check. It listens on a free port of 127.0.0.1. Dropping it kills
/// the proxy and removes its folder.
#[derive(Debug)]
pub struct HaProxy {
    process: Process,
    port: u16,
}

impl HaProxy {
    /// Starts a proxy in front of the servers on these ports of 127.0.0.1, which are named `0`, `1` and so on. Waits until
    /// it accepts connections and the first server has passed its check.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if HAProxy is not installed, and the errors of [`Process::start`].
    pub fn start(servers: &[u16], check: &[&str]) -> Result<Self, Error> {
        // Not every user has this folder on the `PATH`.
        let folders = [PathBuf::from("/usr/sbin")];
        let program = find_program_in(&folders, PROGRAM, &["haproxy"])?;
        on_free_port(PROGRAM, |port| {
            let folder = TempDir::with_prefix("sessile-haproxy-")
                .map_err(Error::system(PROGRAM, "create a temporary folder"))?;
            let written = fs::write(
                folder.path().join("haproxy.cfg"),
                config(port, &socket(folder.path()), servers, check),
            );
            written.map_err(Error::system(PROGRAM, "write its configuration"))?;
            let mut command = Command::new(&program);
            // In the foreground.
            command
                .args(["-db", "-f", "haproxy.cfg"])
                .current_dir(folder.path());
            let socket = socket(folder.path());
            let ready = Ready::probe("a checked server", move || {
                send(&socket, "show servers state servers").is_ok_and(|state| is_up(&state, "0"))
            });
            Ok(Self {
                process: Process::start_in(folder, command, ready)?,
                port,
            })
        })
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes a server out of use, and closes the connections to it.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the proxy does not run, or does not accept the command.
    pub fn disable(&self, server: usize) -> Result<(), Error> {
        let command = format!("set server servers/{server} state maint");
        send(&socket(self.process.folder()), &command)
            .and_then(|reply| match reply.trim() {
                "" => Ok(()),
                refusal => Err(io::Error::other(refusal.to_owned())),
            })
            .map_err(Error::system(PROGRAM, "disable a server"))
    }
}

fn config(port: u16, socket: &Path, servers: &[u16], check: &[&str]) -> String {
    let socket = socket.display();
    let check = check.join("\n");
    let servers: String = servers
        .iter()
        .enumerate()
        .map(|(index, server)| {
            let backup = if index == 0 { "" } else { "backup" };
            format!("server {index} 127.0.0.1:{server} {backup}\n")
        })
        .collect();
    format!(
        "global\n\
         stats socket {socket} level admin\n\
         defaults\n\
         mode tcp\n\
         timeout connect 1s\n\
         timeout client 1h\n\
         timeout server 1h\n\
         listen servers\n\
         bind 127.0.0.1:{port}\n\
         {check}\n\
         default-server check inter 50ms rise 1 fall 1 on-marked-down shutdown-sessions\n\
         {servers}"
    )
}

/// The socket for its commands.
fn socket(folder: &Path) -> PathBuf {
    folder.join("admin.sock")
}

/// The reply to a command.
fn send(socket: &Path, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(command.as_bytes())?;
    stream.write_all(b"\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

/// Whether a server is up by the reply to `show servers state`: the fourth column is its name, the sixth its state, and
/// the twelfth the result of its last check.
fn is_up(state: &str, server: &str) -> bool {
    /// The server is running.
    const RUNNING: &str = "2";
    /// The check has passed.
    const PASSED: &str = "3";
    state.lines().any(|line| {
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        let column = |index: usize| columns.get(index).copied();
        column(3) == Some(server) && column(5) == Some(RUNNING) && column(11) == Some(PASSED)
    })
}
