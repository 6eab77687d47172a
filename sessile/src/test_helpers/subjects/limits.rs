//! The limit of a subject's sessions.

use std::sync::Arc;

use super::{Scene, limit, rules};
use crate::storage::{Refusal, SignInOutcome, SubjectStore};

const REFUSED: SignInOutcome = SignInOutcome::Refused(Refusal::LimitReached);

pub(super) async fn a_sign_in_swaps<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::SIGNS_IN);
    let limit = limit(1);
    // At the limit, so that an outcome other than Stored could end this session.
    let user = scene.user(1);
    scene.signs_in(None, &user, limit, &[]).await;
    scene.lists(&[&user]).await;
    let guest = scene.guest();
    scene.creates(&guest).await;
    let signed_in = scene.signed_in(&guest, 2);

    let outcome = scene.sign_in(None, &signed_in, limit).await;
    scene.case.wants(outcome, SignInOutcome::Taken).await;
    let outcome = scene
        .sign_in(Some(&signed_in.changed()), &signed_in, limit)
        .await;
    scene.case.wants(outcome, SignInOutcome::Conflict).await;
    scene.case.finds(&guest.loaded).await;
    scene.deletes(&guest).await;
    let outcome = scene.sign_in(Some(&guest), &signed_in, limit).await;
    scene.case.wants(outcome, SignInOutcome::Missing).await;
    scene.is_gone(&signed_in).await;
    scene.lists(&[&user]).await;
}

pub(super) async fn a_repeated_sign_in_is_stored<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::SIGN_IN_REPEATED);
    let user = scene.user(1);
    scene.signs_in(None, &user, limit(1), &[]).await;
    // In the meantime the limit is reached in another way.
    let [other] = scene.users([2]).await;
    for limit in [limit(1), limit(1).refusing()] {
        for old in [None, Some(&user.changed())] {
            scene.signs_in(old, &user, limit, &[]).await;
            scene.lists(&[&user, &other]).await;
        }
    }
    let guest = scene.guest();
    scene.creates(&guest).await;
    let signed_in = scene.signed_in(&guest, 3);
    scene
        .signs_in(Some(&guest), &signed_in, limit(3), &[])
        .await;
    scene
        .signs_in(Some(&guest), &signed_in, limit(1), &[])
        .await;
    scene.lists(&[&user, &other, &signed_in]).await;
}

pub(super) async fn the_earliest_end_at_the_limit<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LIMIT_ENDS);
    let [second, first, third] = scene.users([2000, 1, 30_000]).await;
    // A change is no sign-in.
    let changed = first.changed();
    scene.updates(&first, &changed).await;
    let fourth = scene.user(40_000);
    scene.signs_in(None, &fourth, limit(3), &[&changed]).await;
    scene.lists(&[&second, &third, &fourth]).await;
    // The limit was lowered.
    let guest = scene.guest();
    scene.creates(&guest).await;
    let fifth = scene.signed_in(&guest, 50_000);
    scene
        .signs_in(Some(&guest), &fifth, limit(2), &[&second, &third])
        .await;
    scene.lists(&[&fourth, &fifth]).await;
    // Of two sessions, one signs in again.
    let again = scene.signed_in(&fourth, 60_000);
    scene
        .signs_in(Some(&fourth), &again, limit(1), &[&fifth])
        .await;
    scene.lists(&[&again]).await;
}

pub(super) async fn a_sign_in_is_refused_at_the_limit<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LIMIT_REFUSES);
    let [first, second] = scene.users([1, 2]).await;
    let guest = scene.guest();
    scene.creates(&guest).await;
    for max in [1, 2] {
        let limit = limit(max).refusing();
        let user = scene.user(3);
        let outcome = scene.sign_in(None, &user, limit).await;
        scene.case.wants(outcome, REFUSED).await;
        scene.is_gone(&user).await;
        let user = scene.signed_in(&guest, 3);
        let outcome = scene.sign_in(Some(&guest), &user, limit).await;
        scene.case.wants(outcome, REFUSED).await;
        scene.case.finds(&guest.loaded).await;
        scene.lists(&[&first, &second]).await;
    }
    // A place becomes free.
    scene.deletes(&first).await;
    let user = scene.user(4);
    scene.signs_in(None, &user, limit(2).refusing(), &[]).await;
    scene.lists(&[&second, &user]).await;
}

pub(super) async fn a_limit_counts_other_live_sessions<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LIMIT_COUNTS);
    let limit = limit(1).refusing();
    let mut other = scene.beside();
    other.users([1, 2]).await;
    let [ended] = scene.users([1]).await;
    scene.ends(10, None, &[&ended]).await;
    let [expired] = scene.users([11]).await;
    scene.expires(&expired).await;
    let [signed_out] = scene.users([12]).await;
    scene.updates(&signed_out, &signed_out.signed_out()).await;

    let user = scene.user(13);
    scene.signs_in(None, &user, limit, &[]).await;
    let again = scene.signed_in(&user, 14);
    scene.signs_in(Some(&user), &again, limit, &[]).await;
    scene.lists(&[&again]).await;
}
