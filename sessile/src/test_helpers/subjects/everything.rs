//! Ending the sessions of all users.

use std::sync::Arc;

use super::{
    Scene, limit,
    revocation::{Whose, is_revoked},
    rules,
};
use crate::storage::{
    CreateOutcome, Refusal, SessionId, SignInOutcome, SubjectStore, UpdateOutcome,
};

pub(super) async fn everything_ends<S: SubjectStore>(store: Arc<S>) {
    const ENDED: Refusal = Refusal::SubjectEnded;
    let limit = limit(10);
    let mut scene = Scene::new(&store, rules::EVERYTHING);
    let mut other = scene.beside();
    // A mark keeps one session, and a server's clock is ahead.
    let [first, kept] = scene.users([1, 2]).await;
    scene.ends(10, Some(&kept), &[&first]).await;
    let [others] = other.users([5000]).await;
    let guest = scene.guest().labelled(Some("label of a test"));
    scene.creates(&guest).await;
    let listed = scene.listed();
    scene.creates(&listed).await;

    let ending = scene.store().end_everything(scene.at(1000));
    let at = scene.case.succeeds("`end_everything`", ending).await;
    scene.case.note("`end_everything` succeeded");
    if at < scene.at(5000) {
        scene
            .case
            .broken("Its time is before the newest sign-in of a session that it ended.");
    }
    let days = 24 * 3_600_000;
    if at > scene.at(400 * days) {
        scene
            .case
            .broken("Its time is after every sign-in: that of an entry of a revocation list.");
    }
    scene.case.finds(&listed.loaded).await;
    scene.is_gone(&kept).await;
    other.is_gone(&others).await;
    scene.is_gone(&guest).await;
    scene.lists(&[]).await;
    other.lists(&[]).await;
    scene.labels("label of a test", &[]).await;
    for known in [&kept, &guest] {
        let outcome = scene.update(known, &known.changed()).await;
        if outcome != UpdateOutcome::Refused(ENDED) {
            scene.case.wants(outcome, UpdateOutcome::Missing).await;
        }
    }
    for scene in [&mut scene, &mut other] {
        let early = scene.user(5000);
        let outcome = scene.create(&early).await;
        let refused = CreateOutcome::Refused(ENDED);
        scene.case.wants(outcome, refused).await;
        let outcome = scene.sign_in(None, &early, limit).await;
        let refused = SignInOutcome::Refused(ENDED);
        scene.case.wants(outcome, refused).await;
        scene.is_gone(&early).await;
    }
    // Later sign-ins, and guests.
    let later = at.as_unix_millis() - scene.at(0).as_unix_millis() + 1;
    let mut cookies = scene.clone().about(rules::REVOKED);
    let id = SessionId::generate();
    for whose in [Whose::Guest, Whose::Subject] {
        is_revoked(&mut cookies, &id, whose, later - 1, true).await;
        is_revoked(&mut cookies, &id, whose, later, false).await;
    }
    let [next] = scene.users([later]).await;
    scene.opens(&next).await;
    scene.lists(&[&next]).await;
    let guest = scene.guest();
    scene.creates(&guest).await;
    scene.case.finds(&guest.loaded).await;
    // A call at an earlier time.
    let ending = scene.store().end_everything(scene.at(1));
    let again = scene.case.succeeds("`end_everything`", ending).await;
    if again < scene.at(later) {
        scene
            .case
            .broken("The time of a second call is before that of the first.");
    }
    scene.is_gone(&next).await;
    scene.is_gone(&guest).await;
    scene.case.id = listed.id.clone();
    scene.case.finds(&listed.loaded).await;
    // Nor is a later one refused.
    let listed = scene.listed();
    scene.creates(&listed).await;
}
