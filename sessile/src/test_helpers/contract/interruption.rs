//! Operations that are dropped midway, as those of a request whose client disconnects.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use super::{
    case::{Case, MINUTE, with_sources},
    content::{content, difference},
    rules,
};
use crate::storage::{CreateOutcome, Freshness, Loaded, SessionStore, StoreError, UpdateOutcome};

/// After how many polls an operation is dropped, at most.
pub(in crate::test_helpers) const MAX_POLLS: usize = 100;

/// How often other tasks run between the last poll of the operation and its drop. By then, its request
/// may be in flight or acknowledged.
pub(in crate::test_helpers) const YIELDS: [usize; 2] = [0, 5];

/// When an operation is dropped.
#[derive(Clone, Copy)]
pub(in crate::test_helpers) struct Moment {
    pub(in crate::test_helpers) polls: usize,
    pub(in crate::test_helpers) yields: usize,
}

pub(super) async fn a_dropped_load_changes_nothing<S: SessionStore>(store: Arc<S>) {
    for yields in YIELDS {
        for polls in 0..MAX_POLLS {
            let mut case = Case::new(&store, rules::WHOLE);
            let first = content(1);
            case.creates(&first, MINUTE).await;
            let load = store.load(&case.id, None, Freshness::Current);
            let loaded = drop_midway(&case, load, Moment { polls, yields }).await;
            let loaded = note(&mut case, "load", polls, loaded);
            case.finds(&first).await;
            still_works(&store, &case).await;
            if let Some(found) = loaded {
                case.wants_found(found.as_ref(), &first);
                break;
            }
        }
    }
}

pub(super) async fn a_dropped_create_is_whole<S: SessionStore>(store: Arc<S>) {
    for yields in YIELDS {
        for polls in 0..MAX_POLLS {
            let mut case = Case::new(&store, rules::WHOLE);
            let new = content(1);
            let create = store.create(&case.id, &new.record, new.version, MINUTE);
            let outcome = drop_midway(&case, create, Moment { polls, yields }).await;
            let outcome = note(&mut case, "create", polls, outcome);
            let outcome = outcome.map(|outcome| case.follow(outcome));
            finds_one_of(&case, [None, Some(&new)]).await;
            still_works(&store, &case).await;
            if let Some(outcome) = outcome {
                case.wants(outcome, CreateOutcome::Created).await;
                case.finds(&new).await;
                break;
            }
        }
    }
}

pub(super) async fn a_dropped_update_is_whole<S: SessionStore>(store: Arc<S>) {
    for yields in YIELDS {
        for polls in 0..MAX_POLLS {
            let mut case = Case::new(&store, rules::WHOLE);
            let (old, new) = (content(1), content(2));
            case.creates(&old, MINUTE).await;
            let (record, version) = (&new.record, new.version);
            let update = store.update(&case.id, old.version, record, version, MINUTE);
            let outcome = drop_midway(&case, update, Moment { polls, yields }).await;
            let outcome = note(&mut case, "update", polls, outcome);
            finds_one_of(&case, [Some(&old), Some(&new)]).await;

            // The same update settles it, whether or not the first attempt was stored.
            let how = "with the same versions";
            let again = case.update(how, old.version, &new, MINUTE).await;
            case.wants(again, UpdateOutcome::Updated).await;
            case.finds(&new).await;
            still_works(&store, &case).await;
            if let Some(outcome) = outcome {
                case.wants(outcome, UpdateOutcome::Updated).await;
                break;
            }
        }
    }
}

pub(super) async fn a_dropped_delete_is_whole<S: SessionStore>(store: Arc<S>) {
    for yields in YIELDS {
        for polls in 0..MAX_POLLS {
            let mut case = Case::new(&store, rules::WHOLE);
            let old = content(1);
            case.creates(&old, MINUTE).await;
            let delete = store.delete(&case.id);
            let deleted = drop_midway(&case, delete, Moment { polls, yields }).await;
            let deleted = note(&mut case, "delete", polls, deleted);
            finds_one_of(&case, [None, Some(&old)]).await;
            case.deletes("again").await;
            case.finds_nothing().await;
            still_works(&store, &case).await;
            if deleted.is_some() {
                break;
            }
        }
    }
}

/// Polls `operation` as often as `moment` says, each time it is woken, and drops it. Its output if it was
/// done by then.
pub(in crate::test_helpers) async fn drop_midway<S: SessionStore, F: Future>(
    case: &Case<S>,
    operation: F,
    moment: Moment,
) -> Option<F::Output> {
    let mut operation = pin!(operation);
    let mut left = moment.polls;
    let polled = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match operation.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    let output = case.in_time("the operation", polled).await;
    if output.is_none() {
        for _ in 0..moment.yields {
            tokio::task::yield_now().await;
        }
    }
    output
}

/// Adds the outcome of the operation to the message.
pub(in crate::test_helpers) fn note<S: SessionStore, T>(
    case: &mut Case<S>,
    operation: &str,
    polls: usize,
    output: Option<Result<T, StoreError>>,
) -> Option<T> {
    match output {
        None => {
            case.note(format!("`{operation}` was dropped at poll {polls}"));
            None
        }
        Some(Ok(outcome)) => {
            case.note(format!("`{operation}` was done at poll {polls}"));
            Some(outcome)
        }
        Some(Err(error)) => {
            let error = with_sources(&error);
            case.broken(format_args!("`{operation}` failed: {error}."))
        }
    }
}

/// Breaks the rule unless a load finds what was there before, or what is there after the operation.
async fn finds_one_of<S: SessionStore>(case: &Case<S>, wanted: [Option<&Loaded>; 2]) {
    let found = case.load().await;
    if wanted.contains(&found.as_ref()) {
        return;
    }
    let Some(found) = found else {
        case.broken("A load then found nothing.");
    };
    // The smaller difference is more informative.
    let differences = wanted.into_iter().flatten();
    let differences = differences.map(|whole| difference(&found, whole));
    let difference = differences.min_by_key(String::len).unwrap_or_default();
    case.broken(format_args!("A load then found half of it: {difference}."));
}

/// Runs all operations on another id. The dropped operation must not block them.
async fn still_works<S: SessionStore>(store: &Arc<S>, dropped: &Case<S>) {
    let mut case = dropped.clone();
    case.id = Case::new(store, rules::WHOLE).id;
    case.note("then, on another id");
    let (first, second) = (content(1), content(2));
    case.creates(&first, MINUTE).await;
    case.updates(&first, &second, MINUTE).await;
    case.finds(&second).await;
    case.deletes("").await;
    case.finds_nothing().await;
}
