//! Many tasks at once.

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use tokio::task::{JoinSet, yield_now};

use super::{
    case::{Case, MINUTE},
    content::{content, value},
    rules,
};
use crate::storage::{CreateOutcome, Loaded, SessionStore, UpdateOutcome};

const TASKS: u32 = 20;
const ROUNDS: u32 = 5;

pub(super) async fn one_create_of_many_is_stored<S: SessionStore>(store: Arc<S>) {
    let case = Case::new(&store, rules::ONE_CREATE);
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let mut case = case.clone();
        tasks.spawn(async move {
            let new = content(number);
            let outcome = case.create("", &new, MINUTE).await;
            (outcome, new, case.is_chosen)
        });
    }
    let answers = join(tasks).await;
    if answers.iter().any(|(_, _, is_chosen)| *is_chosen) {
        return;
    }
    let stored = answers.into_iter();
    let stored = stored.filter(|(outcome, ..)| *outcome == CreateOutcome::Created);
    the_only(&case, stored.map(|(_, new, _)| new).collect(), "Created").await;
}

pub(super) async fn one_update_of_many_is_stored<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::ONE_SWAP);
    let first = content(0);
    case.creates(&first, MINUTE).await;
    let mut tasks = JoinSet::new();
    for number in 1..=TASKS {
        let mut case = case.clone();
        let expected = first.version;
        tasks.spawn(async move {
            let new = content(number);
            (case.update("", expected, &new, MINUTE).await, new)
        });
    }
    let answers = join(tasks).await;
    let stored = answers.into_iter();
    let stored = stored.filter(|(outcome, _)| *outcome == UpdateOutcome::Updated);
    the_only(&case, stored.map(|(_, new)| new).collect(), "Updated").await;
}

/// Breaks the rule unless one was stored, and a load finds it.
async fn the_only<S: SessionStore>(case: &Case<S>, stored: Vec<Loaded>, outcome: &str) {
    match &stored[..] {
        [new] => case.finds(new).await,
        several => case.broken(format_args!(
            "Of {TASKS} tasks, {} were answered {outcome}.",
            several.len()
        )),
    }
}

pub(super) async fn no_update_is_lost<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::NOTHING_LOST);
    case.creates(&content(0), MINUTE).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let mut case = case.clone();
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                // For each conflict, another task was first. So there are at most this many
                // conflicts.
                if !increment(&mut case, TASKS * ROUNDS).await {
                    case.broken("The record was not deleted, and is missing.");
                }
            }
        });
    }
    join(tasks).await;
    let Some(found) = case.load().await else {
        case.broken("After all increments a load found nothing.");
    };
    let (found, acknowledged) = (value(&found).unwrap_or_default(), TASKS * ROUNDS);
    if found != acknowledged {
        case.broken(format_args!(
            "{TASKS} tasks had {acknowledged} increments acknowledged, and a load found {found}."
        ));
    }
}

pub(super) async fn what_was_deleted_stays_deleted<S: SessionStore>(store: Arc<S>) {
    for yields in 0..20 {
        let mut case = Case::new(&store, rules::STAYS_DELETED);
        let first = content(0);
        case.creates(&first, MINUTE).await;
        let is_deleted = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..5 {
            let (mut case, is_deleted) = (case.clone(), Arc::clone(&is_deleted));
            tasks.spawn(async move {
                // One thread runs the tasks in a fixed order: delays put each into another phase.
                for _ in 0..number {
                    yield_now().await;
                }
                while increment(&mut case, u32::MAX).await && !is_deleted.load(SeqCst) {
                    yield_now().await;
                }
            });
        }
        for _ in 0..yields {
            yield_now().await;
        }
        case.deletes("amid updates").await;
        is_deleted.store(true, SeqCst);
        case.finds_nothing().await;
        join(tasks).await;
        case.note("all updates ended");
        case.finds_nothing().await;
        let outcome = case.update("", first.version, &content(9), MINUTE).await;
        case.wants(outcome, UpdateOutcome::Missing).await;
    }
}

/// Adds one to the value, after `max_conflicts` other writes at most. Whether the record was there.
async fn increment<S: SessionStore>(case: &mut Case<S>, max_conflicts: u32) -> bool {
    for _ in 0..=max_conflicts {
        let Some(found) = case.load().await else {
            return false;
        };
        let version = found.record.state.text("version").unwrap_or_default();
        if version != found.version.get().to_string() {
            let case = case.clone().about(rules::WHOLE);
            case.broken("A load found the record of one write with the version of another.");
        }
        let next = content(value(&found).unwrap_or_default() + 1);
        match case.update("", found.version, &next, MINUTE).await {
            UpdateOutcome::Updated => return true,
            UpdateOutcome::Missing => return false,
            UpdateOutcome::Conflict => yield_now().await,
            outcome => case.wants(outcome, UpdateOutcome::Updated).await,
        }
    }
    let case = case.clone().about(rules::CONFLICT);
    case.broken("`update` answered Conflict more often than other tasks wrote.");
}

/// The outputs of all tasks. A task that broke a rule ends the suite with its message.
pub(in crate::test_helpers) async fn join<T: 'static>(mut tasks: JoinSet<T>) -> Vec<T> {
    let mut outputs = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        match joined.map_err(|error| error.try_into_panic()) {
            Ok(output) => outputs.push(output),
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(error)) => panic!("the runtime ended a task of the suite: {error}"),
        }
    }
    outputs
}
