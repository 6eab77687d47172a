//! Tests of the process guard: starting, freezing, ending, restarting, and removing all traces.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    time::{Duration, Instant},
};

use sessile_rig::{Error, Process, Ready, free_port};

/// Far longer than any step takes. Only a defect reaches this limit.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn dropping_a_process_ends_it_and_removes_its_folder() {
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
fn the_output_has_both_streams_in_the_order_of_the_writes() {
    let mut process = start("echo one; echo two >&2; echo three");

    process.wait(LONG).unwrap();

    assert_eq!(process.output(), "one\ntwo\nthree\n");
}

#[test]
fn the_error_names_a_missing_program() {
    let error = Process::start(Command::new("/no/such/server"), Ready::at_once()).unwrap_err();

    assert!(matches!(error, Error::System { .. }), "{error}");
    assert!(
        error.to_string().starts_with("server: can't start it: "),
        "{error}"
    );
}

#[test]
fn ending_before_being_ready_is_an_error_with_the_status_and_the_log() {
    let command = shell("echo 'no such database' >&2; exit 3");

    let error = Process::start(command, Ready::port(free_port().unwrap())).unwrap_err();

    assert!(
        matches!(&error, Error::Ended { status, .. } if status.code() == Some(3)),
        "{error}"
    );
    assert!(error.to_string().contains("no such database"), "{error}");
}

#[test]
fn never_being_ready_is_an_error_that_names_the_condition() {
    let command = shell("echo loading; exec sleep 600");
    let ready = Ready::line("listening").within(Duration::from_millis(100));

    let error = Process::start(command, ready).unwrap_err();

    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("a line with `listening`"), "{text}");
    assert!(text.ends_with("loading"), "{text}");
    assert_eq!(text, format!("{error:?}"), "`Debug` is `Display`");
}

#[test]
fn terminate_waits_for_the_end_of_the_process() {
    let mut process =
        start_ready("trap 'echo closing; exit 7' TERM; echo ready; while :; do sleep 0.01; done");

    let status = process.terminate(LONG).unwrap();

    assert_eq!(status.code(), Some(7));
    assert_eq!(process.line("closing").as_deref(), Some("closing"));
}

#[test]
fn interrupt_sends_sigint() {
    // A shell can't trap a signal that its parent ignores, and the parent may ignore SIGINT if the tests run in the
    // background.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "sh", "-c"]);
    command.arg("trap 'exit 8' INT; echo ready; while :; do sleep 0.01; done");
    let mut process = Process::start(command, Ready::line("ready")).unwrap();

    assert_eq!(process.interrupt(LONG).unwrap().code(), Some(8));
}

#[test]
fn a_process_that_ignores_terminate_is_an_error_and_keeps_running() {
    let mut process = start_ready("trap '' TERM; echo ready; while :; do sleep 0.01; done");

    let error = process.terminate(Duration::from_millis(100)).unwrap_err();

    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(process.exit_status().unwrap(), None);
}

#[test]
fn kill_ends_the_whole_group() {
    let mut process = start_ready("sleep 600 & echo \"child $!\"; echo ready; wait");
    let child = child_in(&process);
    assert!(is_alive(child));

    let status = process.kill().unwrap();

    assert_eq!(status.signal(), Some(9));
    wait_for_end(child);
}

#[test]
fn children_are_killed_when_their_parent_ends_by_itself() {
    let mut process = start("sleep 600 & echo \"child $!\"; exit 0");

    assert!(process.wait(LONG).unwrap().success());

    wait_for_end(child_in(&process));
}

#[test]
fn a_panicking_test_leaves_neither_process_nor_folder() {
    let mut parts = None;

    let panic = catch_unwind(AssertUnwindSafe(|| {
        let process = start_ready("sleep 600 & echo \"child $!\"; echo ready; wait");
        parts = Some((
            process.id(),
            child_in(&process),
            process.folder().to_owned(),
        ));
        panic!("the test fails");
    }));

    assert!(panic.is_err());
    let (id, child, folder) = parts.unwrap();
    assert!(!is_alive(id));
    wait_for_end(child);
    assert!(!folder.exists());
}

#[test]
fn a_frozen_process_is_running_but_does_nothing_until_it_continues() {
    let mut process = start_ready("echo ready; while :; do echo tick; sleep 0.01; done");
    process.wait_for_line("tick", LONG).unwrap();

    for _ in 0..3 {
        process.stop().unwrap();
        assert_eq!(state_of(process.id()), Some('T'));
        assert_eq!(process.exit_status().unwrap(), None);

        let before = process.output();
        process.cont().unwrap();
        wait_until("another tick", || process.output().len() > before.len());
    }
}

#[test]
fn a_frozen_process_can_be_killed() {
    let mut process = start_ready("echo ready; exec sleep 600");
    process.stop().unwrap();

    assert_eq!(process.kill().unwrap().signal(), Some(9));
}

#[test]
fn a_signal_to_an_ended_process_is_an_error() {
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
        "the process had ended by itself before"
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
fn the_end_of_the_process_ends_the_wait_for_a_line() {
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

/// The state of a process as the kernel shows it: `T` is stopped, `Z` is ended but not waited for.
fn state_of(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.chars().next()
}

fn is_alive(id: u32) -> bool {
    !matches!(state_of(id), None | Some('Z' | 'X'))
}

/// Waits for the end of a process that is not a child of this one.
fn wait_for_end(id: u32) {
    wait_until("the end of the process", || !is_alive(id));
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::yield_now();
    }
}
