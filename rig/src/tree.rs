//! The descendants of a process.
//!
//! A server may start its children in their own sessions, as PostgreSQL does. A signal to the group of the server does
//! not reach them.

use std::{fs, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::poll::poll;

/// The kernel ends a killed process long before this limit.
const LIMIT: Duration = Duration::from_secs(10);

/// The children of `root`, their children, and so on.
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

/// Freezes the descendants of `root` and returns them. `root` must be frozen.
pub(crate) fn freeze(root: Pid) -> Vec<Pid> {
    let mut frozen = Vec::new();
    loop {
        // A process may have started another one before it was frozen.
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

/// Sends a signal to each process that exists.
pub(crate) fn signal(processes: &[Pid], signal: Signal) {
    for &process in processes {
        let _ = kill(process, signal);
    }
}

/// Waits until killed processes have ended and have released their ports and shared memory.
///
/// The current process need not be their parent.
pub(crate) fn wait_until_gone(processes: &[Pid]) {
    wait_until_none(processes, Stat::is_alive);
}

/// Waits until no existing process has the property, or until the time limit.
fn wait_until_none(processes: &[Pid], has_property: impl Fn(&Stat) -> bool) {
    let _ = poll(LIMIT, || {
        let any = processes
            .iter()
            .filter_map(|it| stat(*it))
            .any(|it| has_property(&it));
        Ok::<_, ()>((!any).then_some(()))
    });
}

struct Stat {
    id: Pid,
    parent: Pid,
    /// The state as the kernel shows it: `T` is stopped.
    state: String,
    threads: usize,
}

impl Stat {
    /// Whether a thread of the process is running.
    ///
    /// The kernel shows a process as ended when its first thread has ended. Its sockets stay open until all threads have
    /// ended.
    fn is_alive(&self) -> bool {
        !matches!(self.state.as_str(), "Z" | "X") || self.threads > 1
    }

    /// Parses the line of `/proc/<id>/stat`.
    fn parse(id: Pid, line: &str) -> Option<Self> {
        // The name is in parentheses and may contain parentheses.
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
    fn grandchildren_in_their_own_sessions_are_found_frozen_and_killed() {
        let mut shell = Command::new("sh")
            .args(["-c", "setsid sh -c 'sleep 600 & wait' & wait"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let root = Pid::from_raw(i32::try_from(shell.id()).unwrap());
        poll(LIMIT, || {
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
