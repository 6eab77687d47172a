//! A watchdog ends a process if its test can't.

use std::{
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::unistd::Pid;

/// A process that kills a process group when the current process ends.
///
/// If Ctrl-C, a timeout or the kernel ends a test, no `Drop` runs. A process in its own group does not receive
/// Ctrl-C either. So the watchdog is a shell that reads from a pipe. Only the test process has the other end of the
/// pipe. When the test process ends, the kernel closes that end, and the shell kills the group.
///
/// Dropping the watchdog ends the shell and leaves the group running.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
}

/// Kills a process, its group, and its descendants, which may be in other groups. It stops each process before it looks
/// for its children, because a stopped process starts no others.
const END_PROCESS: &str = r#"
end() {
    kill -s STOP "$1"
    for child in $(grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status); do
        child=${child#/proc/}
        end "${child%/status}"
    done
    kill -s KILL "$1"
}
read -r _
end "$1"
kill -s KILL -- "-$1"
"#;

const REMOVE_FOLDER: &str = r#"read -r _; rm -rf -- "$1""#;

impl Watchdog {
    pub(crate) fn for_group(group: Pid) -> io::Result<Self> {
        Self::new(END_PROCESS, OsStr::new(&group.to_string()))
    }

    /// Removes a folder instead of killing a process.
    pub(crate) fn for_folder(folder: &Path) -> io::Result<Self> {
        Self::new(REMOVE_FOLDER, folder.as_os_str())
    }

    fn new(script: &str, argument: &OsStr) -> io::Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", script, "watchdog"])
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The shell has to end before its pipe is closed, which happens when the fields are dropped. An error needs no
        // further action.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, time::Duration};

    use nix::sys::signal::Signal;

    use super::*;
    use crate::{poll::poll, tree};

    /// Far longer than any step takes. Only a defect reaches this limit.
    const LONG: Duration = Duration::from_secs(30);

    fn sleeper() -> (Child, Pid) {
        let child = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap());
        (child, group)
    }

    #[test]
    fn the_group_ends_when_the_other_end_of_the_pipe_is_closed() {
        let (mut child, group) = sleeper();
        let mut watchdog = Watchdog::for_group(group).unwrap();

        drop(watchdog.shell.stdin.take());

        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_stopped_descendant_in_its_own_session_ends_as_well() {
        let mut child = Command::new("sh")
            .args(["-c", "setsid sleep 600 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        let root = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let found = poll(LONG, || Ok::<_, ()>(tree::descendants(root).pop())).unwrap();
        let sleeper = found.unwrap();
        tree::signal(&[sleeper], Signal::SIGSTOP);
        let mut watchdog = Watchdog::for_group(root).unwrap();

        drop(watchdog.shell.stdin.take());

        assert_eq!(child.wait().unwrap().signal(), Some(9));
        let ended = poll(LONG, || {
            let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat"));
            let is_alive = stat.is_ok_and(|it| !it.contains(") Z "));
            Ok::<_, ()>((!is_alive).then_some(()))
        });
        assert_eq!(ended, Ok(Some(())));
    }

    #[test]
    fn a_folder_is_removed_when_the_other_end_of_the_pipe_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a folder");
        std::fs::create_dir(&inner).unwrap();
        let mut watchdog = Watchdog::for_folder(&inner).unwrap();

        drop(watchdog.shell.stdin.take());

        watchdog.shell.wait().unwrap();
        assert!(!inner.exists());
    }

    #[test]
    fn the_group_keeps_running_when_the_watchdog_is_dropped() {
        let (mut child, group) = sleeper();

        drop(Watchdog::for_group(group).unwrap());

        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
