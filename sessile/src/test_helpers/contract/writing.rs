//! `create` and `update` store only if the rules allow it.

use std::sync::Arc;

use super::{
    case::{Case, MINUTE},
    content::{content, difference},
    rules,
};
use crate::storage::{CreateOutcome, Loaded, SessionStore, UpdateOutcome, Version};

pub(super) async fn an_unused_id_is_missing<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::MISSING);
    case.finds_nothing().await;
    if case.load_cached().await.is_some() {
        case.broken("A cached load found a record.");
    }
    let mut deleting = case.clone().about(rules::DELETES_TWICE);
    deleting.deletes("of an id that was never used").await;

    let outcome = case.update("", Version::new(0), &content(1), MINUTE).await;
    case.wants(outcome, UpdateOutcome::Missing).await;
    case.finds_nothing().await;

    let new = content(2);
    case.creates(&new, MINUTE).await;
    case.finds(&new).await;
}

pub(super) async fn create_never_overwrites<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::NEVER_OVERWRITES);
    let (first, second) = (content(1), content(2));
    case.creates(&first, MINUTE).await;
    if case.is_chosen {
        return;
    }
    let outcome = case.create("under the same id", &second, MINUTE).await;
    case.wants(outcome, CreateOutcome::Taken).await;
    case.finds(&first).await;

    let third = content(3);
    case.updates(&first, &third, MINUTE).await;
    let outcome = case.create("after an `update`", &second, MINUTE).await;
    case.wants(outcome, CreateOutcome::Taken).await;
    case.finds(&third).await;
}

/// A store that sends an update again finds its first attempt.
pub(super) async fn update_reports_its_own_version_as_updated<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::OWN_VERSION);
    let (first, second) = (content(1), content(2));
    case.creates(&first, MINUTE).await;
    case.updates(&first, &second, MINUTE).await;
    for (how, expected) in [
        ("with the same versions", first.version),
        ("to that version from another", Version::generate()),
        ("to that version from itself", second.version),
    ] {
        let outcome = case.update(how, expected, &second, MINUTE).await;
        case.wants(outcome, UpdateOutcome::Updated).await;
        case.finds(&second).await;
    }

    let other = Loaded {
        version: second.version,
        ..content(4)
    };
    let how = "to that version with another record";
    let outcome = case.update(how, Version::generate(), &other, MINUTE).await;
    case.wants(outcome, UpdateOutcome::Updated).await;
    case.finds(&second).await;

    // As long as it is the current one.
    let third = content(3);
    case.updates(&second, &third, MINUTE).await;
    let mut case = case.about(rules::SWAPS);
    let how = "to the version before";
    let outcome = case.update(how, first.version, &second, MINUTE).await;
    case.wants(outcome, UpdateOutcome::Conflict).await;
    case.finds(&third).await;
}

pub(super) async fn update_compares_and_swaps<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::SWAPS);
    let (first, second, stale) = (content(1), content(2), content(3));
    case.creates(&first, MINUTE).await;
    case.updates(&first, &second, MINUTE).await;
    for (how, expected) in [
        ("that expects the version before", first.version),
        ("that expects a version that never was", Version::generate()),
    ] {
        let outcome = case.update(how, expected, &stale, MINUTE).await;
        case.wants(outcome, UpdateOutcome::Conflict).await;
        case.finds(&second).await;
    }

    // The attempts did not use up the current version.
    let third = content(4);
    case.updates(&second, &third, MINUTE).await;
    case.finds(&third).await;
}

pub(super) async fn a_version_is_any_number<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::ANY_VERSION);
    let mut current = content(1);
    let first = current.version;
    case.creates(&current, MINUTE).await;
    // The limits of signed and unsigned columns and of floating-point numbers, upwards and downwards, and
    // at last a number that another content had.
    let numbers = [
        0,
        u64::MAX,
        1 << 63,
        (1 << 63) - 1,
        (1 << 53) + 1,
        1 << 53,
        1,
        first.get(),
    ];
    for (number, value) in numbers.into_iter().zip(2..) {
        let mut next = content(value);
        next.version = Version::new(number);
        let how = format!("to version {number}");
        let outcome = case.update(&how, current.version, &next, MINUTE).await;
        case.wants(outcome, UpdateOutcome::Updated).await;
        case.finds(&next).await;

        let near = Version::new(number ^ 1);
        let how = format!("that expects version {}", near.get());
        let outcome = case.update(&how, near, &content(99), MINUTE).await;
        case.wants(outcome, UpdateOutcome::Conflict).await;
        case.finds(&next).await;
        current = next;
    }
}

/// Whatever a cache kept from an earlier load.
pub(super) async fn current_loads_see_acknowledged_writes<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::CURRENT);
    case.load_cached().await;
    let mut current = content(1);
    case.creates(&current, MINUTE).await;
    case.finds(&current).await;
    for value in 2..10 {
        case.load_cached().await;
        let next = content(value);
        case.updates(&current, &next, MINUTE).await;
        case.finds(&next).await;
        current = next;
    }
    case.load_cached().await;
    case.deletes("").await;
    case.finds_nothing().await;
}

pub(super) async fn cached_loads_find_what_was_stored<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::CACHED);
    let mut stored = vec![content(0)];
    case.creates(&stored[0], MINUTE).await;
    finds_one_of_them(&case, &stored).await;
    for value in 1..6 {
        let how = "that expects a version that never was";
        let (unknown, refused) = (Version::generate(), content(99));
        let outcome = case.update(how, unknown, &refused, MINUTE).await;
        case.wants(outcome, UpdateOutcome::Conflict).await;
        finds_one_of_them(&case, &stored).await;

        let new = content(value);
        case.updates(&stored[stored.len() - 1], &new, MINUTE).await;
        stored.push(new);
        finds_one_of_them(&case, &stored).await;
    }
}

/// Breaks the rule if a cached load finds anything but one of `stored`. It may find nothing.
async fn finds_one_of_them<S: SessionStore>(case: &Case<S>, stored: &[Loaded]) {
    if let Some(found) = case.load_cached().await
        && !stored.contains(&found)
    {
        let difference = difference(&found, &stored[stored.len() - 1]);
        case.broken(format_args!(
            "A cached load then found another record: {difference}."
        ));
    }
}
