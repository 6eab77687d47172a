//! The end of sessions that a store does not keep.

use std::sync::Arc;

use super::{Scene, rules};
use crate::storage::{SessionId, SubjectStore};

/// Whose session is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    Subject,
    Guest,
}

pub(super) async fn a_record_revokes_its_id<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::REVOKED);
    let listed = scene.guest();
    scene.creates(&listed).await;
    let (id, other) = (listed.id.clone(), SessionId::generate());
    for whose in [Whose::Guest, Whose::Subject] {
        // A day later than anything in the store.
        is_revoked(&mut scene, &id, whose, 24 * 3_600_000, true).await;
        is_revoked(&mut scene, &other, whose, 0, false).await;
    }
    scene.deletes(&listed).await;
    is_revoked(&mut scene, &id, Whose::Guest, 0, false).await;
}

pub(super) async fn a_mark_revokes_earlier_sign_ins<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::REVOKED);
    let mut other = scene.beside();
    let id = SessionId::generate();
    let [kept] = scene.users([1]).await;
    scene.ends(10, Some(&kept), &[]).await;
    scene.deletes(&kept).await;
    for (millis, ended) in [(1, true), (10, true), (11, false)] {
        is_revoked(&mut scene, &id, Whose::Subject, millis, ended).await;
        is_revoked(&mut scene, &id, Whose::Guest, millis, false).await;
        is_revoked(&mut scene, &kept.id, Whose::Subject, millis, false).await;
        is_revoked(&mut other, &id, Whose::Subject, millis, false).await;
    }
}

/// Breaks the rule unless the store says of the session, which began at this time, that it has ended, or has not.
pub(super) async fn is_revoked<S: SubjectStore>(
    scene: &mut Scene<S>,
    id: &SessionId,
    whose: Whose,
    millis: u64,
    wanted: bool,
) {
    let subject = matches!(whose, Whose::Subject).then_some(&scene.subject);
    let asking = scene.store().is_revoked(id, subject, scene.at(millis));
    let answer = scene.case.succeeds("`is_revoked`", asking).await;
    if answer != wanted {
        scene.case.broken(format_args!(
            "`is_revoked` of a session of {whose:?} that began at {millis} ms answered {answer}."
        ));
    }
}
