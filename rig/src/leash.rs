//! What ends a process when its test can't.

use std::{
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::unistd::Pid;

/// A watcher that kills a process group when the process that made the watcher dies.
///
/// A `Drop` is not run when a test is ended by Ctrl-C, a timeout or the kernel, and a process in a group
/// of its own gets no Ctrl-C. So a shell waits on a pipe whose other end only the test holds: however
/// the test ends, the kernel closes that end, and the shell kills the group.
///
/// Dropping the leash lets the group go.
#[derive(Debug)]
pub(crate) struct Leash {
    watcher: Child,
}

/// Ends a process with its group, and its descendants, which may be in other groups. A frozen one starts no others meanwhile.
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

impl Leash {
    pub(crate) fn on(group: Pid) -> io::Result<Self> {
        Self::new(END_PROCESS, OsStr::new(&group.to_string()))
    }

    /// Removes a folder in place of ending a process.
    pub(crate) fn on_folder(folder: &Path) -> io::Result<Self> {
        Self::new(REMOVE_FOLDER, folder.as_os_str())
    }

    fn new(script: &str, argument: &OsStr) -> io::Result<Self> {
        let watcher = Command::new("sh")
            .args(["-c", script, "leash"])
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { watcher })
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // Before its pipe is closed, which is when the fields are dropped. Nothing is left to do if this fails.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, time::Duration};

    use nix::sys::signal::Signal;

    use super::*;
    use crate::{poll::poll, tree};

    /// Far longer than anything here takes, so that only a fault is ever waited for that long.
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
    fn the_group_dies_when_the_holder_of_the_pipe_does() {
        let (mut child, group) = sleeper();
        let mut leash = Leash::on(group).unwrap();

        drop(leash.watcher.stdin.take());

        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn what_is_in_a_session_of_its_own_dies_too_also_if_it_is_frozen() {
        let mut child = Command::new("sh")
            .args(["-c", "setsid sleep 600 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        let root = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let found = poll(LONG, || Ok::<_, ()>(tree::descendants(root).pop())).unwrap();
        let sleeper = found.unwrap();
        tree::signal(&[sleeper], Signal::SIGSTOP);
        let mut leash = Leash::on(root).unwrap();

        drop(leash.watcher.stdin.take());

        assert_eq!(child.wait().unwrap().signal(), Some(9));
        let end = poll(LONG, || {
            let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat"));
            let is_alive = stat.is_ok_and(|it| !it.contains(") Z "));
            Ok::<_, ()>((!is_alive).then_some(()))
        });
        assert_eq!(end, Ok(Some(())));
    }

    #[test]
    fn a_folder_is_removed_when_the_holder_of_the_pipe_dies() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a folder");
        std::fs::create_dir(&inner).unwrap();
        let mut leash = Leash::on_folder(&inner).unwrap();

        drop(leash.watcher.stdin.take());

        leash.watcher.wait().unwrap();
        assert!(!inner.exists());
    }

    #[test]
    fn the_group_lives_on_when_the_leash_is_dropped() {
        let (mut child, group) = sleeper();

        drop(Leash::on(group).unwrap());

        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
