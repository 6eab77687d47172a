//! Many operations at once.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use tokio::task::{JoinSet, yield_now};

use super::{super::contract::concurrency::join, Known, Scene, limit, rules};
use crate::storage::{
    CreateOutcome, EndOutcome, Refusal, SessionId, SessionLimit, SignInOutcome, SubjectStore,
    UpdateOutcome,
};

const SIGN_INS: u64 = 50;
const MAX: u32 = 3;

pub(super) async fn a_limit_that_ends_holds_exactly<S: SubjectStore>(store: Arc<S>) {
    let scene = Scene::new(&store, rules::LIMIT_EXACT);
    let outcomes = sign_in_at_once(&scene, limit(MAX)).await;
    let mut left = HashSet::new();
    let mut gone = HashSet::new();
    for (id, outcome) in outcomes {
        match outcome {
            SignInOutcome::Stored { displaced } => {
                left.insert(id);
                for id in displaced {
                    if !gone.insert(id.clone()) {
                        scene.case.broken(format_args!("Two sign-ins ended {id}."));
                    }
                }
            }
            outcome => scene.case.wants(outcome, SignInOutcome::STORED).await,
        }
    }
    left.retain(|id| !gone.contains(id));
    are_left(&scene, &left).await;
}

pub(super) async fn a_limit_that_refuses_holds_exactly<S: SubjectStore>(store: Arc<S>) {
    let scene = Scene::new(&store, rules::LIMIT_EXACT);
    let outcomes = sign_in_at_once(&scene, limit(MAX).refusing()).await;
    let mut left = HashSet::new();
    for (id, outcome) in outcomes {
        match outcome {
            SignInOutcome::Refused(Refusal::LimitReached) => {}
            outcome => {
                scene.case.wants(outcome, SignInOutcome::STORED).await;
                left.insert(id);
            }
        }
    }
    are_left(&scene, &left).await;
}

/// The outcomes of sign-ins at once: half of them create a session, and half of them sign a guest in.
async fn sign_in_at_once<S: SubjectStore>(
    scene: &Scene<S>,
    limit: SessionLimit,
) -> Vec<(SessionId, SignInOutcome)> {
    let mut numbers = scene.clone();
    let mut tasks = JoinSet::new();
    for number in 0..SIGN_INS {
        let guest = numbers.guest();
        let is_guest = number % 2 == 0;
        if is_guest {
            numbers.creates(&guest).await;
        }
        let mut scene = scene.clone();
        tasks.spawn(async move {
            let user = scene.signed_in(&guest, number);
            let old = is_guest.then_some(&guest);
            (user.id.clone(), scene.sign_in(old, &user, limit).await)
        });
    }
    join(tasks).await
}

/// Breaks the rule unless the list has as many sessions as are allowed: those that remain according to the
/// answers.
async fn are_left<S: SubjectStore>(scene: &Scene<S>, wanted: &HashSet<SessionId>) {
    let listed: HashSet<_> = scene.list().await.into_iter().map(|(id, _)| id).collect();
    if listed.len() != MAX as usize || listed != *wanted {
        scene.case.broken(format_args!(
            "After {SIGN_INS} sign-ins under a limit of {MAX}, {} sessions are listed, and by the answers {} are left.",
            listed.len(),
            wanted.len()
        ));
    }
}

/// Ends the sessions while other tasks change them, and sign the user in with a password that was checked before.
pub(super) async fn what_was_ended_is_not_revived<S: SubjectStore>(store: Arc<S>) {
    const SESSIONS: u64 = 10;
    const ENDED_AT: u64 = 1000;
    for yields in 0..10 {
        let mut scene = Scene::new(&store, rules::NEVER_REVIVED);
        let is_ended = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..SESSIONS {
            let [user] = scene.users([number]).await;
            let (scene, is_ended) = (scene.clone(), Arc::clone(&is_ended));
            tasks.spawn(async move { change_until_ended(scene, user, &is_ended).await });
        }
        for number in 0..5 {
            let user = scene.user(ENDED_AT - number);
            let guest = scene.guest();
            scene.creates(&guest).await;
            let mut scene = scene.clone();
            tasks.spawn(async move {
                for _ in 0..number {
                    yield_now().await;
                }
                let limit = limit(100);
                match scene.create(&user).await {
                    CreateOutcome::Refused(Refusal::SubjectEnded) => {}
                    outcome => scene.case.wants(outcome, CreateOutcome::Created).await,
                }
                let update = scene.signed_in(&guest, ENDED_AT - number);
                match scene.sign_in(Some(&guest), &update, limit).await {
                    SignInOutcome::Refused(Refusal::SubjectEnded) => {}
                    outcome => scene.case.wants(outcome, SignInOutcome::STORED).await,
                }
            });
        }
        for _ in 0..yields {
            yield_now().await;
        }
        let EndOutcome::Ended { at, .. } = scene.end(ENDED_AT, None).await else {
            scene.case.broken("The rule asks for Ended.");
        };
        is_ended.store(true, SeqCst);
        let listed = scene.list().await;
        join(tasks).await;
        scene.case.note("all other tasks ended");
        let listed_later = scene.list().await;
        if !listed.is_empty() || !listed_later.is_empty() || at < scene.at(ENDED_AT) {
            scene.case.broken(format_args!(
                "{} sessions were listed after it, and {} in the end.",
                listed.len(),
                listed_later.len()
            ));
        }
    }
}

/// Changes the session until it has ended, and once after that.
async fn change_until_ended<S: SubjectStore>(
    mut scene: Scene<S>,
    user: Known,
    is_ended: &AtomicBool,
) {
    let mut user = user;
    loop {
        let was_ended = is_ended.load(SeqCst);
        let changed = user.changed();
        match scene.update(&user, &changed).await {
            UpdateOutcome::Updated if was_ended => {
                scene.case.broken("The session had ended.");
            }
            UpdateOutcome::Updated => user = changed,
            UpdateOutcome::Missing | UpdateOutcome::Refused(Refusal::SubjectEnded) => {
                return scene.is_gone(&user).await;
            }
            outcome => scene.case.wants(outcome, UpdateOutcome::Updated).await,
        }
        yield_now().await;
    }
}

/// Two devices end each other's sessions at once: one of them stays.
pub(super) async fn of_two_that_end_all_others_one_stays<S: SubjectStore>(store: Arc<S>) {
    for _ in 0..10 {
        let mut scene = Scene::new(&store, rules::KEPT);
        let devices = scene.users([1, 2]).await;
        let mut tasks = JoinSet::new();
        for device in devices {
            let mut scene = scene.clone();
            tasks.spawn(async move {
                let outcome = scene.end(10, Some(&device)).await;
                (device, outcome)
            });
        }
        let mut kept = Vec::new();
        for (device, outcome) in join(tasks).await {
            if outcome != EndOutcome::KeptHasEnded {
                kept.push(device);
            }
        }
        if kept.len() != 1 {
            scene.case.broken(format_args!(
                "Of two calls at once that keep a session each, {} were answered Ended.",
                kept.len()
            ));
        }
        scene.lists(&kept.iter().collect::<Vec<_>>()).await;
    }
}
