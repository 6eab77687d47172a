//! Deleted and expired records are missing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    case::{Case, MINUTE},
    content::content,
    rules,
};
use crate::{
    clock::Timestamp,
    storage::{CreateOutcome, Loaded, SessionStore, UpdateOutcome},
};

pub(super) async fn delete_ignores_the_version<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::DELETES_BY_ID);
    case.creates(&content(1), MINUTE).await;
    case.deletes("").await;
    case.finds_nothing().await;

    let mut case = Case::new(&store, rules::DELETES_BY_ID);
    let (first, second, third) = (content(1), content(2), content(3));
    case.creates(&first, MINUTE).await;
    case.updates(&first, &second, MINUTE).await;
    case.updates(&second, &third, MINUTE).await;
    case.deletes("").await;
    case.finds_nothing().await;
}

pub(super) async fn delete_is_idempotent<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::DELETES_TWICE);
    case.creates(&content(1), MINUTE).await;
    case.deletes("").await;
    case.deletes("for the second time").await;
    case.finds_nothing().await;
}

pub(super) async fn update_never_recreates<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::NEVER_RECREATES);
    let first = content(1);
    case.creates(&first, MINUTE).await;
    case.deletes("").await;
    is_missing(&mut case, &first, ["", "to the version that was deleted"]).await;
}

pub(super) async fn an_id_is_free_after_its_end<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::ID_IS_FREE);
    let (first, second, third) = (content(1), content(2), content(3));
    case.creates(&first, MINUTE).await;
    case.deletes("").await;
    let outcome = case
        .create("with a TTL of zero", &second, Duration::ZERO)
        .await;
    case.wants(outcome, CreateOutcome::Created).await;
    case.creates(&third, MINUTE).await;
    case.finds(&third).await;

    let fourth = content(4);
    case.updates(&third, &fourth, MINUTE).await;
    case.finds(&fourth).await;
}

pub(super) async fn a_ttl_of_zero_has_passed<S: SessionStore>(store: Arc<S>) {
    a_ttl_passes(store, "with a TTL of zero", Duration::ZERO, Duration::ZERO).await;
}

pub(super) async fn a_short_ttl_passes<S: SessionStore>(store: Arc<S>, bound: Duration) {
    a_ttl_passes(store, "for 1 ms", Duration::from_millis(1), bound).await;
}

/// A record expires by the TTL of its `create` and by the TTL of an `update`. `how` describes both in messages.
async fn a_ttl_passes<S: SessionStore>(store: Arc<S>, how: &str, ttl: Duration, bound: Duration) {
    let updates = [
        "of the expired record",
        "to the version of the expired record",
    ];
    let mut case = Case::new(&store, rules::EXPIRED);
    let (first, second) = (content(1), content(2));
    let outcome = case.create(how, &first, ttl).await;
    case.wants(outcome, CreateOutcome::Created).await;
    expires(&case, ttl, bound).await;
    is_missing(&mut case, &first, updates).await;
    case.deletes("").await;
    case.finds_nothing().await;

    case.creates(&first, MINUTE).await;
    let outcome = case.update(how, first.version, &second, ttl).await;
    case.wants(outcome, UpdateOutcome::Updated).await;
    expires(&case, ttl, bound).await;
    is_missing(&mut case, &second, updates).await;
    case.creates(&first, MINUTE).await;
    case.finds(&first).await;
}

/// Breaks the rule unless two updates of `old`, which has ended, return `Missing`: one to another version, and one to
/// the version that the record already had. The texts describe them in messages.
async fn is_missing<S: SessionStore>(case: &mut Case<S>, old: &Loaded, updates: [&str; 2]) {
    for (how, new) in updates.into_iter().zip([&content(9), old]) {
        let outcome = case.update(how, old.version, new, MINUTE).await;
        case.wants(outcome, UpdateOutcome::Missing).await;
        case.finds_nothing().await;
    }
}

/// No session lives for more than 400 days, and a minute of slack.
pub(super) async fn a_long_ttl_has_not_passed<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::TTL_ALONE);
    let long = Duration::from_secs(400 * 24 * 60 * 60 + 60);
    let (first, second) = (content(1), content(2));
    let outcome = case.create("for 400 days", &first, long).await;
    case.wants(outcome, CreateOutcome::Created).await;
    case.finds(&first).await;
    let outcome = case.update("for 400 days", first.version, &second, long);
    let outcome = outcome.await;
    case.wants(outcome, UpdateOutcome::Updated).await;
    case.finds(&second).await;
    case.deletes("").await;
}

pub(super) async fn the_ttl_alone_decides<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::TTL_ALONE);
    let mut past = content(1);
    past.record.ends_at = Timestamp::from_unix_millis(1);
    past.record.created_at = Timestamp::from_unix_millis(0);
    case.creates(&past, MINUTE).await;
    case.finds(&past).await;

    let mut future = content(2);
    future.record.created_at = Timestamp::MAX;
    case.updates(&past, &future, MINUTE).await;
    case.finds(&future).await;
    case.deletes("").await;
}

/// Nothing waits for the end that the record first had: another record with the same time to live,
/// stored later, has to expire first.
pub(super) async fn an_update_extends_the_ttl<S: SessionStore>(store: Arc<S>, bound: Duration) {
    // Longer from try to try, for a store that takes longer than that to answer.
    let mut ttl = Duration::from_millis(20);
    loop {
        let mut case = Case::new(&store, rules::TTL_ALONE);
        let (first, second) = (content(1), content(2));
        let how = format!("for {ttl:?}");
        let outcome = case.create(&how, &first, ttl).await;
        case.wants(outcome, CreateOutcome::Created).await;
        match case
            .update("for a minute", first.version, &second, MINUTE)
            .await
        {
            UpdateOutcome::Missing if ttl < MINUTE / 6 => ttl *= 2,
            outcome => {
                case.wants(outcome, UpdateOutcome::Updated).await;
                let mut later = Case::new(&store, rules::EXPIRED);
                later.create(&how, &content(3), ttl).await;
                expires(&later, ttl, ttl + bound).await;
                return case.finds(&second).await;
            }
        }
    }
}

/// Waits until a load finds nothing, for `bound` at most.
async fn expires<S: SessionStore>(case: &Case<S>, ttl: Duration, bound: Duration) {
    if bound.is_zero() {
        return case.finds_nothing().await;
    }
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let elapsed = start.elapsed();
        if case.load().await.is_none() {
            return;
        }
        if elapsed >= bound {
            case.broken(format_args!(
                "A load still found the record {elapsed:?} later. Its time to live was {ttl:?}."
            ));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
