//! [`explore`]: every schedule of two programs.

use std::{collections::HashSet, fmt::Write as _};

use crate::{
    model::Defect,
    programs::Program,
    run::Run,
    setup::Setup,
    violation::{Invariant, Violation},
};

/// The result of an exploration.
#[derive(Default)]
pub(crate) struct Explored {
    /// The number of schedules that were checked to their end.
    pub(crate) schedules: usize,
    /// The number of different states in them.
    pub(crate) states: usize,
    /// The statuses of the responses in them.
    pub(crate) statuses: HashSet<u16>,
    /// The first violation, as a text with its schedule.
    pub(crate) violation: Option<String>,
}

/// A choice between steps.
struct Choice {
    taken: usize,
    of: usize,
}

/// Runs the two programs in every order of their operations, on this many servers.
pub(crate) fn explore(programs: [Program; 2], servers: usize) -> Explored {
    search(
        &Setup::new(servers, None, programs),
        programs,
        Repeats::LeftOut,
        |_| true,
    )
}

/// The same without leaving out a schedule that goes through a state of an earlier one.
pub(crate) fn explore_with_repeats(programs: [Program; 2], servers: usize) -> Explored {
    search(
        &Setup::new(servers, None, programs),
        programs,
        Repeats::Kept,
        |_| true,
    )
}

/// Searches for a violation of `invariant`, on two servers whose store has this defect.
pub(crate) fn find(programs: [Program; 2], defect: Defect, invariant: Invariant) -> Explored {
    let setup = Setup::new(2, Some(defect), programs);
    search(&setup, programs, Repeats::LeftOut, |it| {
        it.invariant == invariant
    })
}

/// What to do with a schedule that reaches a state of an earlier one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// Leave it out, because the same steps follow.
    LeftOut,
    Kept,
}

/// Explores depth first. Each schedule begins at the start, and repeats the choices that it shares with the
/// previous one.
fn search(
    setup: &Setup,
    programs: [Program; 2],
    repeats: Repeats,
    is_sought: impl Fn(&Violation) -> bool,
) -> Explored {
    let _entered = setup.enter();
    let mut choices: Vec<Choice> = Vec::new();
    let mut states = HashSet::new();
    let mut explored = Explored::default();
    loop {
        let mut run = Run::new(setup, programs);
        match follow(&mut run, &mut choices, &mut states, repeats) {
            Ok(is_complete) => explored.schedules += usize::from(is_complete),
            Err(violation) if is_sought(&violation) => {
                explored.violation = Some(text(&run, &violation));
                break;
            }
            Err(_) => {}
        }
        let statuses = [0, 1].map(|index| run.report(index).status);
        explored.statuses.extend(statuses.into_iter().flatten());
        while choices
            .pop_if(|choice| choice.taken + 1 == choice.of)
            .is_some()
        {}
        match choices.last_mut() {
            Some(choice) => choice.taken += 1,
            None => break,
        }
    }
    explored.states = states.len();
    explored
}

/// Performs one schedule: the given choices, and then always the first one. Returns whether it reached the end.
fn follow(
    run: &mut Run<'_>,
    choices: &mut Vec<Choice>,
    states: &mut HashSet<u64>,
    repeats: Repeats,
) -> Result<bool, Violation> {
    let mut depth = 0;
    loop {
        let steps = run.steps();
        if steps.is_empty() {
            run.check()?;
            return Ok(true);
        }
        if depth == choices.len() {
            choices.push(Choice {
                taken: 0,
                of: steps.len(),
            });
        }
        run.perform(steps[choices[depth].taken])?;
        depth += 1;
        if depth == choices.len() && run.followed == 0 {
            let is_new = states.insert(run.key());
            if !is_new && repeats == Repeats::LeftOut {
                return Ok(false);
            }
        }
    }
}

/// The violation, and the schedule that leads to it.
fn text(run: &Run<'_>, violation: &Violation) -> String {
    let [a, b] = run.programs;
    let servers = match run.setup.share_a_server() {
        true => "one server",
        false => "two servers",
    };
    let mut text = format!("invariant {}: {}\n", violation.invariant, violation.what);
    let _ = writeln!(text, "A: {a:?}, B: {b:?}, on {servers}");
    for line in &run.lines {
        let _ = writeln!(text, "  {line}");
    }
    for (name, index) in [("A", 0), ("B", 1)] {
        let _ = writeln!(text, "{name}: {:?}", run.report(index));
    }
    text
}
