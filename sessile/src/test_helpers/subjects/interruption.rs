//! Operations whose future is dropped midway, as that of a request is when its client disconnects.

use std::sync::Arc;

use super::{
    super::contract::{
        case::MINUTE,
        interruption::{Moment, at_each_moment, drop_midway},
    },
    Known, Scene, limit, rules,
};
use crate::storage::{
    EndOutcome, Freshness, Loaded, SessionId, SignInOutcome, SignInWrite, SubjectStore,
};

pub(super) async fn a_dropped_sign_in_leaves_list_and_loads_alike<S: SubjectStore>(store: Arc<S>) {
    let limit = limit(2);
    for is_new in [true, false] {
        at_each_moment!(moment, {
            let mut scene = Scene::new(&store, rules::AGREE);
            let [first, second] = scene.users([1, 2]).await;
            let guest = scene.guest();
            if !is_new {
                scene.creates(&guest).await;
            }
            let user = scene.signed_in(&guest, 3);
            let write = write(&user, (!is_new).then_some(&guest));
            let signing_in = store.sign_in(write, limit);
            let outcome = drop_midway(&mut scene.case, "sign_in", signing_in, moment).await;
            agree(&mut scene, &[&first, &second, &user]).await;

            // The next sign-in under the limit is not held up by the one that was dropped.
            let next = scene.user(4);
            match scene.sign_in(None, &next, limit).await {
                SignInOutcome::Stored { .. } => {}
                outcome => {
                    scene.case.wants(outcome, SignInOutcome::STORED).await;
                }
            }
            let left = scene.list().await.len();
            if left > 2 {
                scene.case.broken(format_args!(
                    "Then {left} sessions are listed, under a limit of 2."
                ));
            }
            agree(&mut scene, &[&first, &second, &user, &next]).await;
            outcome.is_some()
        });
    }
}

fn write<'a>(user: &'a Known, guest: Option<&Known>) -> SignInWrite<'a> {
    let (id, record, version) = (&user.id, &user.loaded.record, user.loaded.version);
    match guest {
        Some(guest) => SignInWrite::update(id, guest.loaded.version, record, version, MINUTE),
        None => SignInWrite::create(id, record, version, MINUTE),
    }
}

pub(super) async fn a_dropped_create_update_or_delete_leaves_list_and_loads_alike<
    S: SubjectStore,
>(
    store: Arc<S>,
) {
    at_each_moment!(moment, {
        let mut scene = Scene::new(&store, rules::AGREE);
        let user = scene.user(1);
        let (record, version) = (&user.loaded.record, user.loaded.version);
        let creating = store.create(&user.id, record, version, MINUTE);
        let created = drop_midway(&mut scene.case, "create", creating, moment).await;
        agree(&mut scene, &[&user]).await;
        created.is_some()
    });
    at_each_moment!(moment, {
        let mut scene = Scene::new(&store, rules::AGREE);
        let guest = scene.guest();
        scene.creates(&guest).await;
        let user = scene.signed_in(&guest, 1);
        let (record, version) = (&user.loaded.record, user.loaded.version);
        let expected = guest.loaded.version;
        let updating = store.update(&user.id, expected, record, version, MINUTE);
        let updated = drop_midway(&mut scene.case, "update", updating, moment).await;
        agree(&mut scene, &[&user]).await;
        updated.is_some()
    });
    at_each_moment!(moment, {
        let mut scene = Scene::new(&store, rules::AGREE);
        let [user] = scene.users([1]).await;
        let deleting = store.delete(&user.id);
        let deleted = drop_midway(&mut scene.case, "delete", deleting, moment).await;
        agree(&mut scene, &[&user]).await;
        deleted.is_some()
    });
}

pub(super) async fn a_dropped_end_can_be_repeated<S: SubjectStore>(store: Arc<S>) {
    at_each_moment!(moment, {
        let mut scene = Scene::new(&store, rules::END_REPEATED);
        let users = scene.users([1, 2, 3]).await;
        let (subject, at) = (scene.subject, scene.at(10));
        let ending = store.end_subject(&subject, at, None);
        let outcome = drop_midway(&mut scene.case, "end_subject", ending, moment).await;
        let agreeing = scene.clone();
        let mut agreeing = agreeing.about(rules::AGREE);
        agree(&mut agreeing, &users.each_ref()).await;
        let EndOutcome::Ended { .. } = scene.end(10, None).await else {
            scene.case.broken("The rule asks for Ended.");
        };
        for user in &users {
            scene.is_gone(user).await;
        }
        scene.lists(&[]).await;
        outcome.is_some()
    });
}

/// How often a list is compared with loads while dropped operations may still have an effect.
const COMPARISONS: u32 = 100;

/// Breaks the rule unless of these sessions the list has those whose record names the subject.
async fn agree<S: SubjectStore>(scene: &mut Scene<S>, known: &[&Known]) {
    // The first list may find and repair the remains of a dropped operation.
    scene.list().await;
    for _ in 0..COMPARISONS {
        let before = scene.list().await;
        let verdict = disagreement(scene, known, &before).await;
        // A dropped operation may have had its effect between the list and the loads.
        if scene.list().await == before {
            if let Some(verdict) = verdict {
                scene.case.broken(verdict);
            }
            return;
        }
    }
    scene.case.broken("The list does not stay the same.");
}

/// What is wrong if a load finds another session than the list has.
async fn disagreement<S: SubjectStore>(
    scene: &Scene<S>,
    known: &[&Known],
    listed: &[(SessionId, Loaded)],
) -> Option<String> {
    for known in known {
        let load = (scene.case.store).load(&known.id, Some(&scene.subject), Freshness::Current);
        let loaded = scene.case.succeeds("`load`", load).await;
        let loaded = loaded.filter(|it| it.record.subject() == Some(scene.subject));
        let is_listed = listed.iter().any(|(id, _)| *id == known.id);
        if is_listed != loaded.is_some() {
            let (found, has) = match is_listed {
                true => ("nothing", "has"),
                false => ("the session", "does not have"),
            };
            return Some(format!("A load then found {found}, which the list {has}."));
        }
    }
    None
}
