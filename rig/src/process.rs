//! A process that a test owns.

use std::{
    fmt,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{Error, Ready, log::Log, poll::poll, tree, watchdog::Watchdog};

/// A guard of a running process.
///
/// The process runs in its own process group and writes its output to a file in a temporary folder. Dropping the guard
/// kills the group and all descendants of the process, waits until they have ended, and removes the folder. This also
/// happens if the test panics. If the test is killed, the processes still end, but the folder remains.
///
/// ```
/// use std::process::Command;
/// use sessile_rig::{Process, Ready};
///
/// let mut command = Command::new("sh");
/// command.args(["-c", "echo ready; exec sleep 600"]);
/// let mut server = Process::start(command, Ready::line("ready"))?;
/// let first = server.id();
///
/// server.kill()?;
/// server.restart()?;
///
/// assert_ne!(server.id(), first);
/// assert_eq!(server.output(), "ready\n");
/// # Ok::<(), sessile_rig::Error>(())
/// ```
pub struct Process {
    name: String,
    command: Command,
    ready: Ready,
    log: Log,
    child: Child,
    /// `None` after the process was waited for. Until then, the group may have members.
    watchdog: Option<Watchdog>,
    folder: TempDir,
}

impl Process {
    /// The name of the file in the folder that receives the output. The file may exist already.
    pub(crate) const LOG: &str = "process.log";

    /// Starts `command` in a new temporary folder, and waits until it is ready.
    ///
    /// Its standard input is empty. Its working directory is that of the command, by default that of the test.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the process can't be started, [`Error::Ended`] if it ended before it was ready,
    /// [`Error::TimedOut`] if it was not ready in time.
    pub fn start(command: Command, ready: Ready) -> Result<Self, Error> {
        let folder = TempDir::with_prefix("sessile-rig-").map_err(Error::system(
            &name_of(&command),
            "create a temporary folder",
        ))?;
        Self::start_in(folder, command, ready)
    }

    /// Starts `command` with a folder that the caller created, and waits until it is ready.
    ///
    /// It is for commands that have the path of the folder as an argument, and for folders with files.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Process::start).
    pub fn start_in(folder: TempDir, mut command: Command, ready: Ready) -> Result<Self, Error> {
        let name = name_of(&command);
        command.stdin(Stdio::null()).process_group(0);
        let mut log = Log::new(folder.path().join(Self::LOG));
        let (child, watchdog) = spawn(&name, &mut command, &mut log)?;
        let mut process = Self {
            name,
            command,
            ready,
            log,
            child,
            watchdog: Some(watchdog),
            folder,
        };
        process.wait_until_ready()?;
        Ok(process)
    }

    /// Starts the same command again in the same folder, and waits until it is ready. If the process is running, kills it
    /// first.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Process::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill()?;
        let (child, watchdog) = spawn(&self.name, &mut self.command, &mut self.log)?;
        self.child = child;
        self.watchdog = Some(watchdog);
        self.wait_until_ready()
    }

    /// The command that the next [`restart`](Process::restart) starts.
    pub(crate) fn command_mut(&mut self) -> &mut Command {
        &mut self.command
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The temporary folder. It survives a restart and is removed when the guard is dropped.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The standard output and the standard error of the process since its last start.
    pub fn output(&self) -> String {
        self.log.text()
    }

    /// The first complete line of the [`output`](Process::output) that contains `text`.
    pub fn line(&self, text: &str) -> Option<String> {
        self.log.line(text)
    }

    /// Waits for a complete line of the [`output`](Process::output) that contains `text`.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the process ends without such a line, [`Error::TimedOut`] if there is none in time.
    pub fn wait_for_line(&mut self, text: &str, within: Duration) -> Result<String, Error> {
        poll(within, || {
            // The status is read before the log, so that no line from before the end is missed.
            let ended = self.exit_status()?;
            match (self.log.line(text), ended) {
                (Some(line), _) => Ok(Some(line)),
                (None, Some(status)) => Err(self.ended(status)),
                (None, None) => Ok(None),
            }
        })?
        .ok_or_else(|| self.timed_out(format!("a line with `{text}`"), within))
    }

    /// The exit status of the process, or `None` while it is running. A frozen process counts as running.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the operating system refuses.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        if self.watchdog.is_some() {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            let seen = waitid(Id::Pid(self.pid()), flags)
                .map_err(Error::system(&self.name, "get its status"))?;
            if seen == WaitStatus::StillAlive {
                return Ok(None);
            }
        }
        self.kill().map(Some)
    }

    /// Waits until the process ends by itself.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if it keeps running. The process is not changed.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        poll(within, || self.exit_status())?
            .ok_or_else(|| self.timed_out("its end".to_owned(), within))
    }

    /// Waits until the process ends by itself with success.
    pub(crate) fn wait_for_success(&mut self, within: Duration) -> Result<(), Error> {
        match self.wait(within)? {
            status if status.success() => Ok(()),
            status => Err(self.ended(status)),
        }
    }

    /// Asks the process to end (SIGTERM), as a service manager does, and waits for its end.
    ///
    /// Only the process itself receives the signal. When it has ended, the rest of its group is killed.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if it had ended before, [`Error::TimedOut`] if it keeps running, as a frozen process does.
    pub fn terminate(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::SIGTERM)?;
        self.wait(within)
    }

    /// Interrupts the process (SIGINT), as Ctrl-C does, and waits for its end.
    ///
    /// # Errors
    ///
    /// The errors of [`terminate`](Process::terminate).
    pub fn interrupt(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::SIGINT)?;
        self.wait(within)
    }

    /// Kills the process, its group and all its descendants (SIGKILL), and waits until they have ended.
    ///
    /// Returns the exit status of the process, which may have ended by itself before.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the operating system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        let mut descendants = Vec::new();
        if self.watchdog.is_some() {
            // A frozen process starts no others. If the process has ended, its descendants are no longer known.
            let _ = kill(self.pid(), Signal::SIGSTOP);
            descendants = tree::freeze(self.pid());
            // The id belongs to the group until the process is waited for, so no other group receives the signal.
            match killpg(self.pid(), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => (),
                Err(error) => return Err(Error::system(&self.name, "kill it")(error)),
            }
            tree::signal(&descendants, Signal::SIGKILL);
        }
        let status = self
            .child
            .wait()
            .map_err(Error::system(&self.name, "wait for its end"))?;
        self.watchdog = None;
        tree::wait_until_gone(&descendants);
        Ok(status)
    }

    /// Freezes the process, its group and all its descendants (SIGSTOP). This simulates a server that hangs.
    ///
    /// When it returns, the process has stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the process has ended.
    pub fn stop(&mut self) -> Result<(), Error> {
        // The process is stopped before its group: a process that is starting a child can stop only after the child has
        // continued.
        self.signal(Signal::SIGSTOP)?;
        // WNOWAIT keeps the status of an ended process for `exit_status`.
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(self.pid()), flags).map_err(Error::system(&self.name, "freeze it"))?;
        self.signal_group(Signal::SIGSTOP)?;
        tree::freeze(self.pid());
        Ok(())
    }

    /// Continues a frozen process, its group and its descendants (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the process has ended.
    pub fn cont(&mut self) -> Result<(), Error> {
        tree::signal(&self.tree()?, Signal::SIGCONT);
        self.signal_group(Signal::SIGCONT)
    }

    /// The ids of the process and of all its descendants.
    pub(crate) fn tree(&mut self) -> Result<Vec<Pid>, Error> {
        self.require_running()?;
        let mut tree = vec![self.pid()];
        tree.extend(tree::descendants(self.pid()));
        Ok(tree)
    }

    fn wait_until_ready(&mut self) -> Result<(), Error> {
        if self.ready.is_at_once() {
            return Ok(());
        }
        let limit = self.ready.limit();
        poll(limit, || {
            let ready = self.ready.check(&self.log);
            // The status is read after the port: if another process listens on the port, this process is about to fail.
            match self.exit_status()? {
                Some(status) => Err(self.ended(status)),
                None => Ok(ready.then_some(())),
            }
        })?
        .ok_or_else(|| self.timed_out(self.ready.to_string(), limit))
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        self.require_running()?;
        kill(self.pid(), signal).map_err(Error::system(&self.name, "send it a signal"))
    }

    fn signal_group(&mut self, signal: Signal) -> Result<(), Error> {
        self.require_running()?;
        killpg(self.pid(), signal).map_err(Error::system(&self.name, "send it a signal"))
    }

    fn require_running(&mut self) -> Result<(), Error> {
        match self.exit_status()? {
            Some(status) => Err(self.ended(status)),
            None => Ok(()),
        }
    }

    fn pid(&self) -> Pid {
        pid_of(&self.child)
    }

    fn ended(&self, status: ExitStatus) -> Error {
        Error::Ended {
            program: self.name.clone(),
            status,
            log: self.log.tail(),
        }
    }

    fn timed_out(&self, awaited: String, within: Duration) -> Error {
        Error::TimedOut {
            program: self.name.clone(),
            awaited,
            within,
            log: self.log.tail(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error needs no further action. A panic here would hide that of the test.
        let _ = self.kill();
    }
}

/// Omits the command, because its environment is not useful to readers.
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("id", &self.id())
            .field("folder", &self.folder())
            .finish_non_exhaustive()
    }
}

fn spawn(name: &str, command: &mut Command, log: &mut Log) -> Result<(Child, Watchdog), Error> {
    let file = log
        .begin_run()
        .map_err(Error::system(name, "open its log"))?;
    let second = file
        .try_clone()
        .map_err(Error::system(name, "open its log"))?;
    let mut child = command
        .stdout(file)
        .stderr(second)
        .spawn()
        .map_err(Error::system(name, "start it"))?;
    match Watchdog::for_group(pid_of(&child)) {
        Ok(watchdog) => Ok((child, watchdog)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Error::system(name, "start its watchdog")(error))
        }
    }
}

/// The id of a child, which is also the id of its group.
fn pid_of(child: &Child) -> Pid {
    // Linux has no process ids above 2²², so this never wraps.
    Pid::from_raw(child.id().cast_signed())
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    name.to_string_lossy().into_owned()
}
