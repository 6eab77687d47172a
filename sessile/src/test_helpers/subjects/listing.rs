//! The list of a subject's sessions.

use std::{sync::Arc, time::Duration};

use super::{super::contract::case::MINUTE, Known, Scene, rules};
use crate::storage::{CreateOutcome, SubjectDigest, SubjectStore, UpdateOutcome};

pub(super) async fn a_created_session_is_listed<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LISTED);
    scene.lists(&[]).await;
    let guest = scene.guest();
    scene.creates(&guest).await;
    scene.lists(&[]).await;
    let [user] = scene.users([1]).await;
    scene.lists(&[&user]).await;
    scene.opens(&user).await;
    let mut other = scene.beside();
    other.lists(&[]).await;
    let [others] = other.users([2]).await;
    other.lists(&[&others]).await;
    scene.lists(&[&user]).await;
}

pub(super) async fn an_update_is_listed<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LISTED);
    let guest = scene.guest();
    scene.creates(&guest).await;
    let user = scene.signed_in(&guest, 1);
    scene.updates(&guest, &user).await;
    scene.lists(&[&user]).await;
    let changed = user.changed();
    scene.updates(&user, &changed).await;
    scene.lists(&[&changed]).await;

    let mut other = scene.beside();
    let moved = other.signed_in(&changed, 2);
    scene.updates(&changed, &moved).await;
    scene.lists(&[]).await;
    other.lists(&[&moved]).await;
    let signed_out = moved.signed_out();
    scene.updates(&moved, &signed_out).await;
    other.lists(&[]).await;
}

pub(super) async fn what_was_not_stored_is_not_listed<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LISTED);
    let guest = scene.guest();
    scene.creates(&guest).await;
    let user = scene.signed_in(&guest, 1);
    let outcome = scene.update(&user.changed(), &user).await;
    scene.case.wants(outcome, UpdateOutcome::Conflict).await;
    let outcome = scene.create(&user).await;
    scene.case.wants(outcome, CreateOutcome::Taken).await;
    scene.lists(&[]).await;
    scene.deletes(&guest).await;
    let outcome = scene.update(&guest, &user).await;
    scene.case.wants(outcome, UpdateOutcome::Missing).await;
    scene.lists(&[]).await;
}

pub(super) async fn an_ended_session_is_not_listed<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LISTED);
    let [first, second, third] = scene.users([1, 2, 3]).await;
    scene.deletes(&second).await;
    scene.lists(&[&first, &third]).await;
    // Its time to live has passed.
    scene.expires(&first).await;
    scene.lists(&[&third]).await;
    // The id can be used again.
    scene.case.id = second.id.clone();
    let how = "of session 2 with a TTL of zero";
    let outcome = scene.case.create(how, &second.loaded, Duration::ZERO).await;
    scene.case.wants(outcome, CreateOutcome::Created).await;
    scene.lists(&[&third]).await;
    scene
        .case
        .create("of session 2", &second.loaded, MINUTE)
        .await;
    scene.lists(&[&second, &third]).await;
}

pub(super) async fn the_order_is_that_of_the_sign_ins<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::ORDER);
    let [third, first, fourth, second] = scene.users([30_000, 1, 40_000, 2]).await;
    scene.lists(&[&first, &second, &third, &fourth]).await;
    // A change is no sign-in, and a later sign-in is.
    let (changed, again) = (first.changed(), scene.signed_in(&second, 50_000));
    scene.updates(&first, &changed).await;
    scene.updates(&second, &again).await;
    scene.lists(&[&changed, &third, &fourth, &again]).await;
}

pub(super) async fn many_sessions_are_listed<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LISTED);
    let mut users = Vec::new();
    for number in 0..120 {
        let user = scene.user(number);
        scene.creates(&user).await;
        users.push(user);
    }
    scene.lists(&users.iter().collect::<Vec<&Known>>()).await;
    let users: Vec<&Known> = users.iter().collect();
    scene.ends(1000, None, &users).await;
    scene.lists(&[]).await;
}

/// A store may use such digests for what has no subject, or for all subjects.
pub(super) async fn a_digest_is_any_bytes<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::APART);
    let [user] = scene.users([1]).await;
    let guest = scene.guest();
    scene.creates(&guest).await;
    for byte in [0x00, 0x2a, 0x7b, 0x7d, 0xff] {
        let subject = SubjectDigest::from_bytes([byte; SubjectDigest::LEN]);
        let mut other = scene.clone();
        other.subject = subject;
        other
            .case
            .note(format!("of the digest {byte:#04x} and so on"));
        other.lists(&[]).await;
        other.ends(1000, None, &[]).await;
        scene.opens(&user).await;
        scene.case.id = guest.id.clone();
        scene.case.finds(&guest.loaded).await;
        scene.lists(&[&user]).await;
    }
}
