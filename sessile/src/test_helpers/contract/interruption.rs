//! Operations that are dropped midway, as those of a request whose client disconnects.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use super::{
    case::{Case, MINUTE},
    content::{content, difference},
    rules,
};
use crate::{
    storage::{CreateOutcome, Freshness, Loaded, SessionStore, StoreError, UpdateOutcome},
    telemetry::with_causes,
};

/// When an operation is dropped.
#[derive(Clone, Copy)]
pub(in crate::test_helpers) struct Moment {
    /// The number of polls before the drop.
    pub(in crate::test_helpers) polls: usize,
    /// How often other tasks run between the last poll of the operation and its drop. By then, its request
    /// may be in flight or acknowledged.
    pub(in crate::test_helpers) yields: usize,
}

/// All moments at which an operation can be dropped, until `run` says that the operation was done by then.
macro_rules! at_each_moment {
    ($moment:ident, $run:expr) => {
        for yields in [0, 5] {
            for polls in 0..100 {
                let $moment = Moment { polls, yields };
                if $run {
                    break;
                }
            }
        }
    };
}
pub(in crate::test_helpers) use at_each_moment;

pub(super) async fn a_dropped_load_changes_nothing<S: SessionStore>(store: Arc<S>) {
    at_each_moment!(moment, {
        let mut case = Case::new(&store, rules::WHOLE);
        let first = content(1);
        case.creates(&first, MINUTE).await;
        let id = case.id.clone();
        let load = store.load(&id, None, Freshness::Current);
        let loaded = drop_midway(&mut case, "load", load, moment).await;
        case.finds(&first).await;
        still_works(&store, &case).await;
        if let Some(found) = &loaded {
            case.wants_found(found.as_ref(), &first);
        }
        loaded.is_some()
    });
}

pub(super) async fn a_dropped_create_is_whole<S: SessionStore>(store: Arc<S>) {
    at_each_moment!(moment, {
        let mut case = Case::new(&store, rules::WHOLE);
        let new = content(1);
        let id = case.id.clone();
        let create = store.create(&id, &new.record, new.version, MINUTE);
        let outcome = drop_midway(&mut case, "create", create, moment).await;
        let outcome = outcome.map(|outcome| case.follow(outcome));
        finds_one_of(&case, [None, Some(&new)]).await;
        still_works(&store, &case).await;
        let is_done = outcome.is_some();
        if let Some(outcome) = outcome {
            case.wants(outcome, CreateOutcome::Created).await;
            case.finds(&new).await;
        }
        is_done
    });
}

pub(super) async fn a_dropped_update_is_whole<S: SessionStore>(store: Arc<S>) {
    at_each_moment!(moment, {
        let mut case = Case::new(&store, rules::WHOLE);
        let (old, new) = (content(1), content(2));
        case.creates(&old, MINUTE).await;
        let (record, version) = (&new.record, new.version);
        let id = case.id.clone();
        let update = store.update(&id, old.version, record, version, MINUTE);
        let outcome = drop_midway(&mut case, "update", update, moment).await;
        finds_one_of(&case, [Some(&old), Some(&new)]).await;

        // The same update settles it, whether or not the first attempt was stored.
        let how = "with the same versions";
        let again = case.update(how, old.version, &new, MINUTE).await;
        case.wants(again, UpdateOutcome::Updated).await;
        case.finds(&new).await;
        still_works(&store, &case).await;
        if let Some(outcome) = outcome {
            case.wants(outcome, UpdateOutcome::Updated).await;
        }
        outcome.is_some()
    });
}

pub(super) async fn a_dropped_delete_is_whole<S: SessionStore>(store: Arc<S>) {
    at_each_moment!(moment, {
        let mut case = Case::new(&store, rules::WHOLE);
        let old = content(1);
        case.creates(&old, MINUTE).await;
        let id = case.id.clone();
        let delete = store.delete(&id);
        let deleted = drop_midway(&mut case, "delete", delete, moment).await;
        finds_one_of(&case, [None, Some(&old)]).await;
        case.deletes("again").await;
        case.finds_nothing().await;
        still_works(&store, &case).await;
        deleted.is_some()
    });
}

/// Polls an operation as often as `moment` says, each time it is woken, and drops it. Returns its answer if it was done
/// by then.
pub(in crate::test_helpers) async fn drop_midway<S: SessionStore, T>(
    case: &mut Case<S>,
    name: &str,
    operation: impl Future<Output = Result<T, StoreError>>,
    Moment { polls, yields }: Moment,
) -> Option<T> {
    let mut operation = pin!(operation);
    let mut left = polls;
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
    match case.in_time("the operation", polled).await {
        None => {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            case.note(format!("`{name}` was dropped at poll {polls}"));
            None
        }
        Some(Ok(answer)) => {
            case.note(format!("`{name}` was done at poll {polls}"));
            Some(answer)
        }
        Some(Err(error)) => {
            let error = with_causes(&error);
            case.broken(format_args!("`{name}` failed: {error}."))
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
