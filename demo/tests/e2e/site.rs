//! A running demo with its own database and key file.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use sessile_rig::{Error, Process, Ready};
use tempfile::TempDir;

const LISTENING: &str = "sessile demo listening on ";

/// Far longer than the program takes to end. Only a defect reaches this limit.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    process: Process,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a site with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = TempDir::with_prefix("sessile-demo-").unwrap();
        let store = format!("sqlite:{}", folder.path().join("demo.db").display());
        Self::start_in(folder, &store, arguments)
    }

    /// Starts a site on the given store.
    pub(crate) fn start_on(store: &str) -> Self {
        let folder = TempDir::with_prefix("sessile-demo-").unwrap();
        Self::start_in(folder, store, &[])
    }

    fn start_in(folder: TempDir, store: &str, arguments: &[&str]) -> Self {
        let mut command = program();
        command
            .args(["--addr", "127.0.0.1:0", "--store", store])
            .arg("--secret-key-file")
            .arg(folder.path().join("demo.key"))
            .arg("--certificate-file")
            .arg(folder.path().join("demo.pem"))
            .args(arguments);
        let process = Process::start_in(folder, command, Ready::line(LISTENING)).unwrap();
        Self { process }
    }

    /// The address of a page or an endpoint. After a restart, it has another port.
    pub(crate) fn at(&self, path: &str) -> String {
        let line = self.process.line(LISTENING).unwrap();
        let (_, address) = line.split_once(LISTENING).unwrap();
        format!("{address}{path}")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// The output of the program since its last start.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Kills the program (SIGKILL), so that it writes nothing more.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Interrupts the program (SIGINT), as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) -> Result<ExitStatus, Error> {
        self.process.interrupt(TIMEOUT)
    }

    /// Starts the program again with the same files.
    pub(crate) fn restart(&mut self) {
        self.process.restart().unwrap();
    }
}

/// The program under test, without arguments.
pub(crate) fn program() -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_sessile-demo")));
    command.env_remove("RUST_LOG");
    command.env_remove("SESSILE_DEMO_STORE");
    command
}
