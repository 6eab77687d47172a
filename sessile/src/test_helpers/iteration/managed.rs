//! Checking and closing a store.

use std::sync::Arc;

use super::{
    super::contract::{
        case::{Case, MINUTE},
        content::content,
    },
    rules,
};
use crate::storage::{CreateOutcome, ManagedStore, SessionId};

pub(super) async fn a_store_can_be_checked_and_closed<S: ManagedStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::PING);
    pings(&case, true).await;
    case.note("`ping` succeeded");
    let keeps = !store.keeps_nothing();
    if keeps {
        let new = content(1);
        case.creates(&new, MINUTE).await;
        case.finds(&new).await;
    }
    pings(&case, true).await;

    let mut case = case.about(rules::CLOSED);
    for _ in 0..2 {
        closes(&mut case).await;
    }
    let loaded = case.try_load().await;
    let is_usable = loaded.is_ok();
    if loaded.is_err_and(|error| error.may_have_happened()) {
        case.broken("A later `load` failed, and may have happened.");
    }
    case.id = SessionId::generate();
    let new = content(2);
    let create = case
        .store
        .create(&case.id, &new.record, new.version, MINUTE);
    match case.in_time("`create`", create).await {
        Ok(_) if is_usable => {}
        Ok(_) => case.broken("A later `load` failed, and a `create` succeeded."),
        Err(_) if is_usable => case.broken("A later `load` succeeded, and a `create` failed."),
        Err(error) if error.may_have_happened() => {
            case.broken("A later `create` failed, and may have happened.");
        }
        Err(_) => {}
    }
    pings(&case.about(rules::PING), is_usable).await;
}

/// Creates that run while the store is closed.
pub(super) async fn what_has_begun_completes<S: ManagedStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::BEGUN);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (store, new) = (Arc::clone(&store), content(number));
        tasks.spawn(async move {
            let id = SessionId::generate();
            store.create(&id, &new.record, new.version, MINUTE).await
        });
    }
    tokio::task::yield_now().await;
    closes(&mut case).await;
    while let Some(created) = tasks.join_next().await {
        let Ok(created) = created else {
            case.broken("A `create` panicked.");
        };
        match created {
            Ok(CreateOutcome::Created) => {}
            Ok(outcome) => case.broken(format_args!("A `create` answered {outcome:?}.")),
            Err(error) if error.may_have_happened() => {
                case.broken("A `create` failed, and may have happened.");
            }
            Err(_) => {}
        }
    }
}

async fn closes<S: ManagedStore>(case: &mut Case<S>) {
    case.succeeds("`close`", case.store.close()).await;
    case.note("`close` succeeded");
}

/// Breaks the rule unless `ping` succeeds if and only if it should.
async fn pings<S: ManagedStore>(case: &Case<S>, should_succeed: bool) {
    match case.in_time("`ping`", case.store.ping()).await {
        Ok(()) if !should_succeed => case.broken("A `load` failed, and a `ping` succeeded."),
        Err(error) if should_succeed => {
            case.broken(format_args!("A `ping` failed: {error}."));
        }
        _ => {}
    }
}
