//! Iterations.

use std::sync::Arc;

use super::{
    super::{contract::content::UNREADABLE, scene::Scene},
    rules,
};
use crate::storage::{Cursor, IterableStore, SessionId, StoreErrorKind};

pub(super) async fn every_session_is_shown<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::SHOWN);
    let created = scene.creates_many(25).await;
    for limit in [4, 25, 1000] {
        scene
            .case
            .note(format!("an iteration by pages of {limit} ended"));
        scene.wants_shown(&scene.iterate(limit).await, &created);
    }
}

pub(super) async fn what_has_ended_is_not_shown<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::NOT_SHOWN);
    let [deleted, expired] = [scene.creates_any().await, scene.creates_any().await];
    scene.expires(&expired).await;
    scene.deletes(&deleted).await;
    let shown = scene.iterate(7).await;
    for (ended, how) in [(deleted, "deleted"), (expired, "expired")] {
        if shown.iter().any(|(id, _)| *id == ended.id) {
            scene
                .case
                .broken(format_args!("The iteration showed the {how} session."));
        }
    }
}

pub(super) async fn a_page_is_bounded<S: IterableStore>(store: Arc<S>) {
    /// A store may look at a part of its sessions as a whole.
    const HARDLY_MORE: usize = 50;
    let mut scene = Scene::new(&store, rules::BOUNDED);
    scene.creates_many(120).await;
    for limit in [1, 10] {
        let mut after = None;
        for _ in 0..5 {
            let page = scene.page(after.as_ref(), limit).await;
            let found = page.sessions.len();
            if found > limit as usize + HARDLY_MORE {
                scene.case.broken(format_args!(
                    "A page of at most {limit} sessions has {found}."
                ));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    scene.page(None, u32::MAX).await;
}

pub(super) async fn what_lives_throughout_is_shown<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::THROUGHOUT);
    let mut live = scene.creates_many(40).await;
    let mut others = scene.creates_many(40).await;
    let (mut shown, mut after): (Vec<SessionId>, _) = (Vec::new(), None);
    for step in 0.. {
        let page = scene.page(after.as_ref(), 3).await;
        shown.extend(page.sessions.iter().map(|(id, _)| id.clone()));
        after = page.next;
        if after.is_none() {
            break;
        }
        // Those that were shown come before the cursor: a number of rows to skip would be too high afterwards.
        if let Some(seen) = others.iter().position(|it| shown.contains(&it.id)) {
            scene.deletes(&others.swap_remove(seen)).await;
        } else if let Some(other) = others.pop() {
            scene.deletes(&other).await;
        }
        if step < 20 {
            scene.creates_any().await;
        }
        let many = live.len();
        let changing = &mut live[step % many];
        let changed = changing.changed();
        scene.updates(changing, &changed).await;
        *changing = changed;
    }
    let missing = live.iter().filter(|it| !shown.contains(&it.id)).count();
    if missing > 0 {
        scene.case.broken(format_args!(
            "The iteration did not show {missing} of 40 sessions that lived throughout."
        ));
    }
}

/// A store that keeps records without encoding them has nothing that could be unreadable.
pub(super) async fn an_unreadable_record_fails_alone<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::UNREADABLE);
    let created = scene.creates_many(4).await;
    for (text, kind) in UNREADABLE {
        let guest = scene.guest();
        let Some(unreadable) = scene.create_unreadable(&guest, text).await else {
            continue;
        };
        let shown = scene.iterate(50).await;
        scene.wants_shown(&shown, &created);
        match shown.iter().find(|(shown, _)| *shown == unreadable.id) {
            Some((_, Err(error))) if error.kind() == kind => {}
            Some((_, Ok(found))) => scene.case.wants_found(Some(found), &unreadable.loaded),
            Some((_, Err(error))) => scene
                .case
                .broken(format_args!("The kind of the error is {:?}.", error.kind())),
            None => scene.case.broken(format_args!(
                "The iteration did not show the record, {kind:?}."
            )),
        }
        scene.deletes(&unreadable).await;
    }
}

pub(super) async fn another_cursor_is_refused<S: IterableStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::CURSOR);
    scene.creates_any().await;
    for text in ["", "no cursor", "\0", "💥", &"9".repeat(1000)] {
        match scene.try_page(Some(&Cursor::new(text)), 10).await {
            Err(error) if error.kind() == StoreErrorKind::Unsupported => {}
            Err(error) => scene.case.broken(format_args!(
                "{text:?} is an error of kind {:?}.",
                error.kind()
            )),
            Ok(_) => scene.case.broken(format_args!("{text:?} was accepted.")),
        }
    }
}
