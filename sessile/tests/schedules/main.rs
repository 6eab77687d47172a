//! Two requests at once, in every order of their store operations.
//!
//! Both requests present the cookie of one stored session, and each runs a [`Program`]. Every operation of the
//! store stops before its effect and before its answer, and the test chooses which one continues. At most one
//! operation of each schedule fails: it is lost, its answer is lost, it takes effect later, or the client
//! disconnects. A later request writes to the session, another one signs out, and after each step
//! the [invariants](invariants) must hold for all cookies that were ever sent.
//!
//! There is no real time: the clock is set by the programs, and no timer fires.
//!
//! # What is left out
//!
//! - A schedule that reaches a state of an earlier schedule. The state consists of all answers to each request
//!   and the content of the store, so the same steps follow. `leaving_out_repeats_hides_no_state` checks that.
//! - The order of answers where it does not matter: on two servers, while no request moves the clock.
//! - Failures of the second of two equal requests, which are those of the first.
//! - On one server, what does not concern the queue that its requests merge in, since two servers show it:
//!   operations that take effect late or are marked as not sent, saves that are cancelled, recoveries other
//!   than a second save, and the programs in [`TWO_SERVERS_ONLY`].
//! - Two saves on one server, which are a third of all schedules: `cargo xtask test --full` includes them.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod choices;
mod defects;
mod explore;
mod invariants;
mod key;
mod model;
mod operations;
mod programs;
mod report;
mod run;
mod setup;
mod step;
mod stepped_store;
mod violation;

use std::collections::HashSet;

use explore::{explore, explore_with_repeats};
use programs::{PROGRAMS, Program};

/// For each program the fewest schedules beside itself and each program that follows it, on one and on two
/// servers together: nine tenths of what there were, so that the exploration does not shrink unnoticed.
#[rustfmt::skip]
const FEWEST: [&[usize]; PROGRAMS.len()] = [
    &[96, 178, 135, 86, 140, 1842, 395, 362, 426, 198, 62, 276, 63],
    &[96, 135, 86, 140, 1842, 395, 362, 426, 198, 62, 276, 63],
    &[99, 93, 147, 1606, 643, 320, 327, 175, 65, 432, 63],
    &[27, 90, 601, 369, 155, 291, 169, 39, 288, 27],
    &[68, 1089, 510, 205, 578, 375, 66, 555, 46],
    &[8569, 3506, 4112, 6242, 1298, 254, 5823, 309],
    &[1242, 1976, 2155, 1236, 196, 5025, 274],
    &[649, 1286, 594, 93, 1589, 118],
    &[144, 377, 137, 664, 115],
    &[73, 126, 635, 113],
    &[15, 106, 20],
    &[568, 110],
    &[10],
];

/// Programs that do not test the queue of a server.
const TWO_SERVERS_ONLY: [Program; 4] = [
    Program::SaveRenewed,
    Program::PurgeMidway,
    Program::SignIn,
    Program::EndAll,
];

/// Whether the longest exploration runs as well: by `cargo xtask test --full`.
fn is_full() -> bool {
    std::env::var("SESSILE_TEST_SCHEDULES").is_ok_and(|it| it == "all")
}

/// Explores the program beside itself and each program that follows it.
#[track_caller]
fn keeps_the_invariants_beside_others(program: Program) {
    let index = PROGRAMS.iter().position(|it| *it == program).unwrap();
    for (other, fewest) in PROGRAMS[index..].iter().zip(FEWEST[index]) {
        keep_the_invariants([program, *other], *fewest);
    }
}

/// Explores these programs beside each other, in at least as many schedules as `fewest`. Returns the statuses of the
/// responses.
#[track_caller]
fn keep_the_invariants(programs: [Program; 2], fewest: usize) -> HashSet<u16> {
    let mut schedules = 0;
    let mut statuses = HashSet::new();
    for servers in [1, 2] {
        let is_left_out = programs.iter().any(|it| TWO_SERVERS_ONLY.contains(it))
            || programs == [Program::Save; 2] && !is_full();
        if servers == 1 && is_left_out {
            continue;
        }
        let explored = explore(programs, servers);
        if let Some(violation) = explored.violation {
            panic!("{violation}");
        }
        schedules += explored.schedules;
        statuses.extend(explored.statuses);
    }
    println!("{programs:?}: {schedules} schedules");
    assert!(
        schedules >= fewest,
        "{programs:?}: only {schedules} schedules"
    );
    statuses
}

#[test]
fn a_write_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Write);
}

#[test]
fn an_increment_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Increment);
}

#[test]
fn a_renewal_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Renew);
}

#[test]
fn a_purge_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Purge);
}

#[test]
fn a_restart_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Restart);
}

#[test]
fn a_save_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Save);
}

#[test]
fn a_save_after_a_renewal_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::SaveRenewed);
}

#[test]
fn a_purge_during_a_save_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::PurgeMidway);
}

#[test]
fn an_idle_timeout_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Idle);
}

#[test]
fn an_expiry_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::Expiry);
}

#[test]
fn an_end_from_outside_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::EndFromOutside);
}

#[test]
fn a_sign_in_beside_another_request_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::SignIn);
}

#[test]
fn an_end_of_all_beside_itself_keeps_the_invariants() {
    keeps_the_invariants_beside_others(Program::EndAll);
}

/// Explores a program whose changes fail if another request increments the counter.
#[track_caller]
fn fails_alone(program: Program) {
    for (other, fewest) in [
        (program, 126),
        (Program::Increment, 315),
        (Program::Write, 390),
        (Program::Renew, 329),
        (Program::Purge, 336),
    ] {
        let statuses = keep_the_invariants([program, other], fewest);
        assert_eq!(statuses.contains(&500), other.increments(), "{other:?}");
    }
}

#[test]
fn an_update_that_does_not_fit_fails_alone() {
    fails_alone(Program::Mismatch);
}

#[test]
fn an_update_that_panics_fails_alone() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(programs::PANIC) {
            report(panic);
        }
    }));
    fails_alone(Program::Panic);
}

#[test]
fn leaving_out_repeats_hides_no_state() {
    let pairs = [
        [Program::Write, Program::Purge],
        [Program::Increment, Program::Increment],
        [Program::Renew, Program::Write],
        [Program::Idle, Program::EndFromOutside],
    ];
    for (programs, servers) in pairs.iter().flat_map(|pair| [(*pair, 1), (*pair, 2)]) {
        let explored = explore(programs, servers);
        let whole = explore_with_repeats(programs, servers);
        assert!(whole.violation.is_none() && whole.schedules > explored.schedules);
        assert_eq!(whole.states, explored.states, "{programs:?}");
    }
}
