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

use crate::{Error, Ready, leash::Leash, log::Log, poll::poll, tree};

/// A process that runs while a test holds it.
///
/// It runs in a process group of its own and writes its output to a file in a temporary folder. Dropping it
/// kills the whole group and all its descendants, waits until they are gone and removes the folder; that happens as well when the
/// test panics. When the test itself is killed, they still die, and only the folder stays.
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
    /// There as long as the group may have members; gone once the process was waited for.
    leash: Option<Leash>,
    folder: TempDir,
}

impl Process {
    /// The name of the file in the folder that receives the output. The file may exist already.
    pub(crate) const LOG: &str = "process.log";

    /// Starts `command` in a new temporary folder, and waits until it is ready.
    ///
    /// Its standard input is empty, and its working directory is what the command says: the test's, by default.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if it can't be started, [`Error::Ended`] if it ended before it was ready,
    /// [`Error::TimedOut`] if it was not ready in time.
    pub fn start(command: Command, ready: Ready) -> Result<Self, Error> {
        let folder = TempDir::with_prefix("sessile-rig-")
            .map_err(Error::system(&name_of(&command), "make a temporary folder"))?;
        Self::start_in(folder, command, ready)
    }

    /// Starts `command` and waits until it is ready, with a folder that the caller made:
    /// for a command that is told where to keep its data, or a folder that must hold something first.
    ///
    /// # Errors
    ///
    /// As [`start`](Process::start).
    pub fn start_in(folder: TempDir, mut command: Command, ready: Ready) -> Result<Self, Error> {
        let name = name_of(&command);
        command.stdin(Stdio::null()).process_group(0);
        let mut log = Log::new(folder.path().join(Self::LOG));
        let (child, leash) = spawn(&name, &mut command, &mut log)?;
        let mut process = Self {
            name,
            command,
            ready,
            log,
            child,
            leash: Some(leash),
            folder,
        };
        process.wait_until_ready()?;
        Ok(process)
    }

    /// Starts the same command again, in the same folder, and waits until it is ready. Kills it first if it runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Process::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill()?;
        let (child, leash) = spawn(&self.name, &mut self.command, &mut self.log)?;
        self.child = child;
        self.leash = Some(leash);
        self.wait_until_ready()
    }

    /// What is started at the next [`restart`](Process::restart).
    pub(crate) fn command_mut(&mut self) -> &mut Command {
        &mut self.command
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The temporary folder. It outlives a restart, and goes when this is dropped.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that the process wrote since it was last started, on standard output and standard error.
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
    /// [`Error::Ended`] if the process ends without writing it, [`Error::TimedOut`] if it goes on without.
    pub fn wait_for_line(&mut self, text: &str, within: Duration) -> Result<String, Error> {
        poll(within, || {
            // Looked at before the log: what a process wrote before it ended is not to be missed.
            let ended = self.exit_status()?;
            match (self.log.line(text), ended) {
                (Some(line), _) => Ok(Some(line)),
                (None, Some(status)) => Err(self.ended(status)),
                (None, None) => Ok(None),
            }
        })?
        .ok_or_else(|| self.timed_out(format!("a line with `{text}`"), within))
    }

    /// How the process ended, or nothing while it runs. A frozen process runs.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the operating system won't say.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        if self.leash.is_some() {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            let seen = waitid(Id::Pid(self.pid()), flags)
                .map_err(Error::system(&self.name, "be looked at"))?;
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
    /// [`Error::TimedOut`] if it goes on running; it is left as it is.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        poll(within, || self.exit_status())?
            .ok_or_else(|| self.timed_out("its end".to_owned(), within))
    }

    /// Waits until the process ends by itself, which must be well.
    pub(crate) fn wait_for_success(&mut self, within: Duration) -> Result<(), Error> {
        match self.wait(within)? {
            status if status.success() => Ok(()),
            status => Err(self.ended(status)),
        }
    }

    /// Asks the process to end (SIGTERM), as a service manager does, and waits until it has.
    ///
    /// Only the process itself is asked; what is left of its group when it ends is killed.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if it had ended before, [`Error::TimedOut`] if it goes on running. A frozen process does.
    pub fn terminate(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.ask(Signal::SIGTERM)?;
        self.wait(within)
    }

    /// Interrupts the process (SIGINT), as Ctrl-C does, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Process::terminate).
    pub fn interrupt(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.ask(Signal::SIGINT)?;
        self.wait(within)
    }

    /// Kills the process, its whole group and all its descendants (SIGKILL), waits until they are gone, and says how the process
    /// ended: by this or, earlier, by itself.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the operating system won't.
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        let mut descendants = Vec::new();
        if self.leash.is_some() {
            // Frozen, none of them can start another unseen. One that has ended has none left that could be told.
            let _ = kill(self.pid(), Signal::SIGSTOP);
            descendants = tree::freeze(self.pid());
            // The id stays the group's until the process is waited for, so that nobody else can be hit.
            match killpg(self.pid(), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => (),
                Err(error) => return Err(Error::system(&self.name, "be killed")(error)),
            }
            tree::signal(&descendants, Signal::SIGKILL);
        }
        let status = self
            .child
            .wait()
            .map_err(Error::system(&self.name, "be waited for"))?;
        self.leash = None;
        tree::wait_until_gone(&descendants);
        Ok(status)
    }

    /// Freezes the process, its whole group and all its descendants (SIGSTOP): a server that is there and doesn't answer.
    ///
    /// When this returns, the process has stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the process has ended.
    pub fn stop(&mut self) -> Result<(), Error> {
        // First alone and then its group: a process that is just starting a child can't stop before the child goes on.
        self.ask(Signal::SIGSTOP)?;
        // WNOWAIT leaves the answer of a process that has ended for `exit_status`.
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(self.pid()), flags).map_err(Error::system(&self.name, "be stopped"))?;
        self.signal_group(Signal::SIGSTOP)?;
        tree::freeze(self.pid());
        Ok(())
    }

    /// Lets a frozen process, its group and its descendants go on (SIGCONT).
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
            let ready = self.ready.look(&self.log);
            // Looked at after the port: if the port answers for another process, this one is about to fail on it.
            match self.exit_status()? {
                Some(status) => Err(self.ended(status)),
                None => Ok(ready.then_some(())),
            }
        })?
        .ok_or_else(|| self.timed_out(self.ready.to_string(), limit))
    }

    fn ask(&mut self, signal: Signal) -> Result<(), Error> {
        self.require_running()?;
        kill(self.pid(), signal).map_err(Error::system(&self.name, "be signalled"))
    }

    fn signal_group(&mut self, signal: Signal) -> Result<(), Error> {
        self.require_running()?;
        killpg(self.pid(), signal).map_err(Error::system(&self.name, "be signalled"))
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
        // Nothing is left to do if this fails, and a panic here would hide the test's own.
        let _ = self.kill();
    }
}

/// Without the command, whose environment is of no use to a reader.
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("id", &self.id())
            .field("folder", &self.folder())
            .finish_non_exhaustive()
    }
}

fn spawn(name: &str, command: &mut Command, log: &mut Log) -> Result<(Child, Leash), Error> {
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
        .map_err(Error::system(name, "be started"))?;
    match Leash::on(pid_of(&child)) {
        Ok(leash) => Ok((child, leash)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Error::system(name, "be watched over")(error))
        }
    }
}

/// The id of a child, which is its group's as well.
fn pid_of(child: &Child) -> Pid {
    // Linux has no process ids above 2²², so that this never wraps.
    Pid::from_raw(child.id().cast_signed())
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    name.to_string_lossy().into_owned()
}
