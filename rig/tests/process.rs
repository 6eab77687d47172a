//! A process is started, frozen, ended and restarted, and leaves nothing behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy knows tests from their attribute, and not the helpers beside them

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    time::{Duration, Instant},
};

use sessile_rig::{Error, Process, Ready, free_port};

/// Far longer than anything here takes, so that only a fault is ever waited for that long.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn is_started_in_a_folder_of_its_own_and_takes_it_along() {
    let process =
        Process::start(shell("echo ready; exec sleep 600"), Ready::line("ready")).unwrap();
    let (folder, id) = (process.folder().to_owned(), process.id());
    assert!(folder.is_dir());
    assert!(is_alive(id));

    drop(process);

    assert!(!folder.exists());
    assert!(!is_alive(id));
}

#[test]
fn keeps_both_streams_in_the_order_they_were_written() {
    let mut process = start("echo one; echo two >&2; echo three");

    process.wait(LONG).unwrap();

    assert_eq!(process.output(), "one\ntwo\nthree\n");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = Process::start(Command::new("/no/such/server"), Ready::at_once()).unwrap_err();

    assert!(matches!(error, Error::System { .. }), "{error}");
    assert!(
        error.to_string().starts_with("server: can't be started: "),
        "{error}"
    );
}

#[test]
fn one_that_ends_before_it_is_ready_is_an_error_with_its_status_and_its_log() {
    let command = shell("echo 'no such database' >&2; exit 3");

    let error = Process::start(command, Ready::port(free_port().unwrap())).unwrap_err();

    assert!(
        matches!(&error, Error::Ended { status, .. } if status.code() == Some(3)),
        "{error}"
    );
    assert!(error.to_string().contains("no such database"), "{error}");
}

#[test]
fn one_that_is_never_ready_is_an_error_that_says_what_was_waited_for() {
    let command = shell("echo loading; exec sleep 600");
    let ready = Ready::line("listening").within(Duration::from_millis(100));

    let error = Process::start(command, ready).unwrap_err();

    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("a line with `listening`"), "{text}");
    assert!(text.ends_with("loading"), "{text}");
    assert_eq!(text, format!("{error:?}"), "what a failed unwrap prints");
}

#[test]
fn terminate_waits_for_an_orderly_end() {
    let mut process =
        start_ready("trap 'echo closing; exit 7' TERM; echo ready; while :; do sleep 0.01; done");

    let status = process.terminate(LONG).unwrap();

    assert_eq!(status.code(), Some(7));
    assert_eq!(process.line("closing").as_deref(), Some("closing"));
}

#[test]
fn interrupt_is_another_signal() {
    // A shell can't trap what its parent ignores, as whoever runs these tests in the background may.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "sh", "-c"]);
    command.arg("trap 'exit 8' INT; echo ready; while :; do sleep 0.01; done");
    let mut process = Process::start(command, Ready::line("ready")).unwrap();

    assert_eq!(process.interrupt(LONG).unwrap().code(), Some(8));
}

#[test]
fn one_that_will_not_end_is_an_error_and_runs_on() {
    let mut process = start_ready("trap '' TERM; echo ready; while :; do sleep 0.01; done");

    let error = process.terminate(Duration::from_millis(100)).unwrap_err();

    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(process.exit_status().unwrap(), None);
}

#[test]
fn kill_takes_the_whole_group() {
    let mut process = start_ready("sleep 600 & echo \"child $!\"; echo ready; wait");
    let child = child_in(&process);
    assert!(is_alive(child));

    let status = process.kill().unwrap();

    assert_eq!(status.signal(), Some(9));
    wait_for_end(child);
}

#[test]
fn what_a_process_leaves_behind_when_it_ends_by_itself_is_killed() {
    let mut process = start("sleep 600 & echo \"child $!\"; exit 0");

    assert!(process.wait(LONG).unwrap().success());

    wait_for_end(child_in(&process));
}

#[test]
fn a_panicking_test_leaves_nothing_behind() {
    let mut seen = None;

    let panic = catch_unwind(AssertUnwindSafe(|| {
        let process = start_ready("sleep 600 & echo \"child $!\"; echo ready; wait");
        seen = Some((
            process.id(),
            child_in(&process),
            process.folder().to_owned(),
        ));
        panic!("a failed assertion");
    }));

    assert!(panic.is_err());
    let (id, child, folder) = seen.unwrap();
    assert!(!is_alive(id));
    wait_for_end(child);
    assert!(!folder.exists());
}

#[test]
fn a_frozen_process_runs_but_does_nothing_until_it_goes_on() {
    let mut process = start_ready("echo ready; while :; do echo tick; sleep 0.01; done");
    process.wait_for_line("tick", LONG).unwrap();

    for _ in 0..3 {
        process.stop().unwrap();
        assert_eq!(state_of(process.id()), Some('T'));
        assert_eq!(process.exit_status().unwrap(), None);

        let before = process.output();
        process.cont().unwrap();
        wait_until("it ticks again", || process.output().len() > before.len());
    }
}

#[test]
fn a_frozen_process_can_be_killed() {
    let mut process = start_ready("echo ready; exec sleep 600");
    process.stop().unwrap();

    assert_eq!(process.kill().unwrap().signal(), Some(9));
}

#[test]
fn one_that_has_ended_says_so_to_every_signal() {
    let mut process = start("exit 5");
    process.wait(LONG).unwrap();

    let errors = [
        process.stop().unwrap_err(),
        process.cont().unwrap_err(),
        process.terminate(LONG).unwrap_err(),
        process.interrupt(LONG).unwrap_err(),
    ];

    for error in errors {
        assert!(
            matches!(&error, Error::Ended { status, .. } if status.code() == Some(5)),
            "{error}"
        );
    }
    assert_eq!(
        process.kill().unwrap().code(),
        Some(5),
        "how it ended, not how it was killed"
    );
}

#[test]
fn a_restart_keeps_the_folder_and_waits_for_the_new_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = shell("echo run >> runs; echo \"run $(wc -l < runs)\"; exec sleep 600");
    command.current_dir(folder.path());
    let mut process = Process::start_in(folder, command, Ready::line("run ")).unwrap();
    let first = process.id();
    assert_eq!(process.output(), "run 1\n");

    process.restart().unwrap();

    assert_eq!(process.output(), "run 2\n");
    assert!(!is_alive(first));
    assert!(is_alive(process.id()));
}

#[test]
fn a_line_that_never_comes_is_not_waited_for_once_the_process_has_ended() {
    let mut process = start("echo something; exit 1");

    let error = process.wait_for_line("something else", LONG).unwrap_err();

    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert_eq!(
        process.wait_for_line("something", LONG).unwrap(),
        "something"
    );
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn start(script: &str) -> Process {
    Process::start(shell(script), Ready::at_once()).unwrap()
}

fn start_ready(script: &str) -> Process {
    Process::start(shell(script), Ready::line("ready")).unwrap()
}

/// The id that a script reported with `child <id>`.
fn child_in(process: &Process) -> u32 {
    let line = process.line("child ").unwrap();
    line.strip_prefix("child ").unwrap().parse().unwrap()
}

/// The state of a process as the kernel shows it: `T` is stopped, `Z` has ended and was not waited for.
fn state_of(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.chars().next()
}

fn is_alive(id: u32) -> bool {
    !matches!(state_of(id), None | Some('Z' | 'X'))
}

/// A killed process that is not this one's child ends soon, but nobody can wait for it.
fn wait_for_end(id: u32) {
    wait_until("it ends", || !is_alive(id));
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::yield_now();
    }
}
