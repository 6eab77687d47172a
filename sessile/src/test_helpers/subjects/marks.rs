//! The marks that end a subject's sessions.

use std::sync::Arc;

use super::{Scene, limit, rules};
use crate::{
    clock::Timestamp,
    storage::{CreateOutcome, EndOutcome, Refusal, SignInOutcome, SubjectStore, UpdateOutcome},
};

const ENDED: Refusal = Refusal::SubjectEnded;

pub(super) async fn ended_sessions_are_gone<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::MARK_ENDS);
    let [first, second] = scene.users([1, 10]).await;
    scene.ends(10, None, &[&first, &second]).await;
    scene.lists(&[]).await;
    for known in [&first, &second] {
        let outcome = scene.update(known, &known.changed()).await;
        if outcome != UpdateOutcome::Missing {
            scene
                .case
                .wants(outcome, UpdateOutcome::Refused(ENDED))
                .await;
        }
        scene.is_gone(known).await;
    }
    // A call that finds nothing to end.
    scene.ends(11, None, &[]).await;
}

pub(super) async fn a_mark_refuses_earlier_sign_ins<S: SubjectStore>(store: Arc<S>) {
    let limit = limit(10);
    let mut scene = Scene::new(&store, rules::MARK_REFUSES);
    let guest = scene.guest();
    scene.creates(&guest).await;
    scene.ends(10, None, &[]).await;
    for millis in [1, 9, 10] {
        let user = scene.user(millis);
        let outcome = scene.create(&user).await;
        let refused = CreateOutcome::Refused(ENDED);
        scene.case.wants(outcome, refused).await;
        scene.is_gone(&user).await;
        let outcome = scene.sign_in(None, &user, limit).await;
        let refused = SignInOutcome::Refused(ENDED);
        scene.case.wants(outcome, refused.clone()).await;
        scene.is_gone(&user).await;

        let user = scene.signed_in(&guest, millis);
        let outcome = scene.update(&guest, &user).await;
        let refused_update = UpdateOutcome::Refused(ENDED);
        scene.case.wants(outcome, refused_update).await;
        let outcome = scene.sign_in(Some(&guest), &user, limit).await;
        scene.case.wants(outcome, refused).await;
        scene.case.finds(&guest.loaded).await;
        scene.lists(&[]).await;
    }
}

pub(super) async fn a_mark_spares_all_others<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::MARK_SPARES);
    let mut other = scene.beside();
    let [others] = other.users([1]).await;
    let guest = scene.guest();
    scene.creates(&guest).await;
    let [user] = scene.users([1]).await;
    scene.ends(10, None, &[&user]).await;
    other.opens(&others).await;
    other.lists(&[&others]).await;
    other.updates(&others, &others.changed()).await;
    scene.case.id = guest.id.clone();
    scene.case.finds(&guest.loaded).await;
    let changed = guest.changed();
    scene.updates(&guest, &changed).await;

    // One millisecond later, as a new session and as that of a guest.
    let [created] = scene.users([11]).await;
    let updated = scene.signed_in(&changed, 12);
    scene.updates(&changed, &updated).await;
    scene.lists(&[&created, &updated]).await;
    let again = created.changed();
    scene.updates(&created, &again).await;
    scene.opens(&again).await;
}

pub(super) async fn a_mark_has_the_latest_time<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::MARK_TIME);
    let at = scene.ends(100, None, &[]).await;
    is_at(&scene, at, 100);
    // The clock of another server is behind.
    let at = scene.ends(50, None, &[]).await;
    is_at(&scene, at, 100);
    let early = scene.user(80);
    let outcome = scene.create(&early).await;
    let refused = CreateOutcome::Refused(ENDED);
    scene.case.wants(outcome, refused.clone()).await;
    // A server whose clock is ahead has signed the user in.
    let [first, second] = scene.users([20_000, 10_000]).await;
    let at = scene.ends(200, None, &[&first, &second]).await;
    is_at(&scene, at, 20_000);
    let late = scene.user(20_000);
    let outcome = scene.create(&late).await;
    scene.case.wants(outcome, refused).await;
    let [next] = scene.users([20_001]).await;
    scene.lists(&[&next]).await;
}

fn is_at<S: SubjectStore>(scene: &Scene<S>, at: Timestamp, millis: u64) {
    let wanted = scene.at(millis);
    if at != wanted {
        scene.case.broken(format_args!(
            "The mark is at {} ms. The rule asks for {} ms.",
            at.as_unix_millis(),
            wanted.as_unix_millis()
        ));
    }
}

pub(super) async fn the_kept_session_stays<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::KEPT);
    let [first, kept, last] = scene.users([1, 2, 3]).await;
    scene.ends(10, Some(&kept), &[&first, &last]).await;
    scene.opens(&kept).await;
    scene.lists(&[&kept]).await;
    let changed = kept.changed();
    scene.updates(&kept, &changed).await;
    scene.opens(&changed).await;
    // Again, and from the other device.
    let [next] = scene.users([11]).await;
    scene.ends(20, Some(&changed), &[&next]).await;
    scene.opens(&changed).await;
    let [next] = scene.users([21]).await;
    scene.ends(30, Some(&next), &[&changed]).await;
    scene.lists(&[&next]).await;
    scene.ends(40, None, &[&next]).await;
    scene.lists(&[]).await;
}

pub(super) async fn a_session_that_has_ended_is_not_kept<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::KEPT_HAS_ENDED);
    let [kept, ended, deleted] = scene.users([1, 2, 3]).await;
    let unknown = scene.user(4);
    let guest = scene.guest();
    scene.creates(&guest).await;
    scene.deletes(&deleted).await;
    scene.ends(10, Some(&kept), &[&ended]).await;
    let [next] = scene.users([11]).await;
    let mut other = scene.beside();
    let [others] = other.users([1]).await;
    for known in [&ended, &deleted, &unknown, &guest, &others] {
        let outcome = scene.end(20, Some(known)).await;
        let wanted = EndOutcome::KeptHasEnded;
        scene.case.id = next.id.clone();
        scene.case.wants(outcome, wanted).await;
        scene.lists(&[&kept, &next]).await;
        other.opens(&others).await;
    }
    // There is no mark at that time.
    let [between] = scene.users([15]).await;
    scene.lists(&[&kept, &next, &between]).await;
}
