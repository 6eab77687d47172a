//! Stored records that this version of the crate can't decode.

use std::sync::Arc;

use super::{
    case::{Case, MINUTE},
    content::{UNREADABLE, content, set},
    rules,
};
use crate::{
    storage::{CreateOutcome, SessionStore, StoreErrorKind, UpdateOutcome, Version},
    telemetry::with_causes,
};

pub(super) async fn unreadable_is_not_missing<S: SessionStore>(store: Arc<S>) {
    for ((text, kind), rule) in UNREADABLE.into_iter().zip([rules::CORRUPT, rules::NEWER]) {
        is_an_error(Case::new(&store, rule), text, kind).await;
    }
}

/// Stores a record with `text` in place of a value, so that decoding the record's text is an error of `kind`.
///
/// A store that keeps records without encoding them has no unreadable records: it returns the same record. A store
/// that checks what it stores may refuse the record.
async fn is_an_error<S: SessionStore>(mut case: Case<S>, text: &str, kind: StoreErrorKind) {
    let mut unreadable = content(1);
    set(&mut unreadable.record, "unreadable", text);
    let (record, version) = (&unreadable.record, unreadable.version);
    let create = case.store.create(&case.id, record, version, MINUTE);
    let created = case.in_time("`create`", create).await;
    match created.map(|outcome| case.follow(outcome)) {
        Ok(CreateOutcome::Created) => case.note("`create` stored the record"),
        Ok(outcome) => case.wants(outcome, CreateOutcome::Created).await,
        Err(_) => return,
    }
    // A store that chooses its ids keeps each value beside the record's text, so no value can make the record newer.
    let kind = match case.is_chosen {
        true => StoreErrorKind::Corrupt,
        false => kind,
    };

    match case.try_load().await {
        Err(error) if error.kind() == kind => {}
        Err(error) => case.broken(format_args!(
            "A load then failed with kind {:?}: {}.",
            error.kind(),
            with_causes(&error)
        )),
        Ok(found) => case.wants_found(found.as_ref(), &unreadable),
    }

    if !case.is_chosen {
        let outcome = case.create("under the same id", &content(2), MINUTE).await;
        case.wants(outcome, CreateOutcome::Taken).await;
    }

    // An update may fail, but must neither find nothing nor store its record.
    let expected = Version::generate();
    let new = content(3);
    let update = (case.store).update(&case.id, expected, &new.record, new.version, MINUTE);
    if let Ok(outcome) = case.in_time("`update`", update).await {
        case.note(format!(
            "`update` that expects another version answered {outcome:?}"
        ));
        case.wants(outcome, UpdateOutcome::Conflict).await;
    }

    case.deletes("").await;
    case.finds_nothing().await;
    let new = content(4);
    case.creates(&new, MINUTE).await;
    case.finds(&new).await;
}
