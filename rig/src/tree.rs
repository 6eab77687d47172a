//! The descendants of a process: what its group misses.
//!
//! A server may put its children into sessions of their own, as PostgreSQL does, and a signal to its group
//! doesn't reach those.

use std::{fs, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::poll::poll;

/// A killed process goes as soon as the kernel gets to it.
const END: Duration = Duration::from_secs(10);

/// The children of `root`, theirs, and so on.
pub(crate) fn descendants(root: Pid) -> Vec<Pid> {
    let all = all();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        let children = all.iter().filter(|it| it.parent == parent);
        found.extend(children.map(|it| it.id));
        next += 1;
    }
    found.split_off(1)
}

/// Freezes the descendants of `root`, which must be frozen itself, and names them.
pub(crate) fn freeze(root: Pid) -> Vec<Pid> {
    let mut frozen = Vec::new();
    loop {
        // Again, since one that wasn't frozen yet may have started another.
        let mut fresh = descendants(root);
        fresh.retain(|it| !frozen.contains(it));
        if fresh.is_empty() {
            return frozen;
        }
        signal(&fresh, Signal::SIGSTOP);
        wait_until_none(&fresh, |it| it.is_alive() && it.state != "T");
        frozen.append(&mut fresh);
    }
}

/// Sends a signal to each that is still there.
pub(crate) fn signal(processes: &[Pid], signal: Signal) {
    for &process in processes {
        let _ = kill(process, signal);
    }
}

/// Waits until killed processes are gone, with their ports and their shared memory. Somebody else may be their parent by now.
pub(crate) fn wait_until_gone(processes: &[Pid]) {
    wait_until_none(processes, Stat::is_alive);
}

/// Waits, not for ever, until none of the processes that are left is so.
fn wait_until_none(processes: &[Pid], is_so: impl Fn(&Stat) -> bool) {
    let _ = poll(END, || {
        let any = processes
            .iter()
            .filter_map(|it| stat(*it))
            .any(|it| is_so(&it));
        Ok::<_, ()>((!any).then_some(()))
    });
}

struct Stat {
    id: Pid,
    parent: Pid,
    /// As the kernel shows it: `T` is stopped.
    state: String,
    threads: usize,
}

impl Stat {
    /// Whether the process still runs, or has ended and only waits for its parent.
    ///
    /// The kernel shows a process as ended as soon as its first thread has ended. Its sockets stay open until its other
    /// threads have ended as well.
    fn is_alive(&self) -> bool {
        !matches!(self.state.as_str(), "Z" | "X") || self.threads > 1
    }

    /// Parses the line in `/proc/<id>/stat`.
    fn parse(id: Pid, line: &str) -> Option<Self> {
        // The name is in parentheses, and may contain parentheses.
        let (_, after_name) = line.rsplit_once(") ")?;
        let fields: Vec<_> = after_name.split(' ').collect();
        Some(Self {
            id,
            parent: Pid::from_raw(fields.get(1)?.parse().ok()?),
            state: (*fields.first()?).to_owned(),
            threads: fields.get(17)?.parse().ok()?,
        })
    }
}

fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| stat(Pid::from_raw(id)))
        .collect()
}

fn stat(id: Pid) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    Stat::parse(id, &line)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn grandchildren_in_sessions_of_their_own_are_found_frozen_and_ended() {
        let mut shell = Command::new("sh")
            .args(["-c", "setsid sh -c 'sleep 600 & wait' & wait"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let root = Pid::from_raw(i32::try_from(shell.id()).unwrap());
        poll(END, || {
            Ok::<_, ()>((descendants(root).len() == 2).then_some(()))
        })
        .unwrap();
        kill(root, Signal::SIGSTOP).unwrap();

        let frozen = freeze(root);
        signal(&frozen, Signal::SIGKILL);
        kill(root, Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
        wait_until_gone(&frozen);

        assert!(frozen.len() >= 2, "{frozen:?}");
        assert!(
            frozen
                .iter()
                .all(|it| stat(*it).is_none_or(|it| !it.is_alive()))
        );
    }

    #[test]
    fn a_process_is_alive_until_its_last_thread_has_ended() {
        for (state, threads, is_alive) in [
            ("S", 1, true),
            ("T", 17, true),
            ("Z", 17, true),
            ("Z", 1, false),
            ("X", 0, false),
        ] {
            let zeros = "0 ".repeat(15);
            let line = format!("42 (a (b) c) {state} 7 {zeros}{threads} 0 0");
            let stat = Stat::parse(Pid::from_raw(42), &line).unwrap();
            assert_eq!(stat.parent, Pid::from_raw(7));
            assert_eq!(stat.is_alive(), is_alive, "{line}");
        }
    }
}
