//! What ends a process when its test can't.

use std::{
    io,
    os::unix::process::CommandExt,
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

impl Leash {
    pub(crate) fn on(group: Pid) -> io::Result<Self> {
        let watcher = Command::new("sh")
            .args(["-c", r#"read -r _; kill -s KILL -- "-$1""#, "leash"])
            .arg(group.to_string())
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
    use std::os::unix::process::ExitStatusExt;

    use super::*;

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
    fn the_group_lives_on_when_the_leash_is_dropped() {
        let (mut child, group) = sleeper();

        drop(Leash::on(group).unwrap());

        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
