//! Counting and clearing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use tokio::task::{JoinSet, yield_now};

use super::{
    super::{
        contract::{
            case::{Case, MINUTE},
            concurrency::join,
            content::content,
        },
        known::Known,
        scene::Scene,
    },
    rules,
};
use crate::storage::{IterableStore, Loaded, UpdateOutcome};

impl<S: IterableStore> Scene<S> {
    async fn counts(&self, wanted: u64) {
        let count = self.case.succeeds("`count`", self.case.store.count()).await;
        if count != wanted {
            self.case.broken(format_args!(
                "It returned {count}. The rule asks for {wanted}."
            ));
        }
    }

    async fn clears(&mut self) {
        self.case.succeeds("`clear`", self.case.store.clear()).await;
        self.case.note("`clear` succeeded");
    }
}

pub(super) async fn live_sessions_count<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::COUNT);
    scene.clears().await;
    scene.counts(0).await;
    let created = scene.creates_many(30).await;
    scene.counts(30).await;
    let [deleted, expired, ..] = &created[..] else {
        return;
    };
    scene.deletes(deleted).await;
    scene.counts(29).await;
    scene.expires(expired).await;
    scene.counts(28).await;
}

pub(super) async fn all_sessions_are_deleted<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::CLEARED);
    let created = scene.creates_many(30).await;
    scene.clears().await;
    for known in &created {
        scene.case.id = known.id.clone();
        scene.case.finds_nothing().await;
        if scene.case.load_cached().await.is_some() {
            scene.case.broken("A cached load then found a record.");
        }
        let outcome = scene.update(known, &known.changed()).await;
        scene.case.wants(outcome, UpdateOutcome::Missing).await;
    }
    let shown = scene.iterate(10).await.len();
    if shown > 0 {
        scene
            .case
            .broken(format_args!("An iteration then showed {shown} sessions."));
    }
    scene.counts(0).await;
    // A store that is empty can be cleared, and is usable.
    scene.clears().await;
    let created = scene.creates_many(2).await;
    scene.wants_shown(&scene.iterate(10).await, &created);
}

pub(super) async fn what_was_cleared_stays_deleted<S: IterableStore>(store: Arc<S>) {
    for yields in 0..10 {
        let mut scene = Scene::new(&store, rules::STAYS_CLEARED);
        let created = scene.creates_many(8).await;
        let is_cleared = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for Known { id, loaded, .. } in created.clone() {
            let mut case = scene.case.clone();
            case.id = id;
            tasks.spawn(change_until_missing(case, loaded, Arc::clone(&is_cleared)));
        }
        for _ in 0..yields {
            yield_now().await;
        }
        scene.clears().await;
        is_cleared.store(true, SeqCst);
        join(tasks).await;
        scene.case.note("all updates ended");
        for known in created {
            scene.case.id = known.id;
            scene.case.finds_nothing().await;
        }
        scene.counts(0).await;
    }
}

/// Changes the session until it is missing, which it has to be after the clear.
async fn change_until_missing<S: IterableStore>(
    mut case: Case<S>,
    mut current: Loaded,
    is_cleared: Arc<AtomicBool>,
) {
    for number in 0.. {
        let was_cleared = is_cleared.load(SeqCst);
        let changed = content(number);
        match case.update("", current.version, &changed, MINUTE).await {
            UpdateOutcome::Updated if !was_cleared => current = changed,
            UpdateOutcome::Missing => return,
            // The clear may count as the other write.
            UpdateOutcome::Conflict if !was_cleared => match case.load().await {
                None => return,
                Some(found) => current = found,
            },
            outcome => case.wants(outcome, UpdateOutcome::Missing).await,
        }
        yield_now().await;
    }
}
