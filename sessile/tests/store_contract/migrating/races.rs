//! Servers that move and change one session at once, with stores that fail and requests that are dropped.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use sessile::storage::{Freshness::Current, *};
use tokio::task::{LocalSet, yield_now};

use super::{DAY, Scene, Store};
use crate::unreliable::dropped_after;

/// What the tasks of a test have done.
#[derive(Default)]
struct Done {
    acknowledged: AtomicU32,
    /// Writes that may have happened, although no reply said so.
    unknown: AtomicU32,
    /// Whether an end was acknowledged.
    is_ended: AtomicBool,
}

/// How a test disturbs the tasks.
#[derive(Clone, Copy)]
struct Disturbance {
    failures: u32,
    drops: bool,
}

/// Adds one to the value a few times, as requests do.
async fn increments(scene: Arc<Scene>, store: Store, done: Arc<Done>, how: Disturbance) {
    for _ in 0..4 {
        loop {
            let was_ended = done.is_ended.load(SeqCst);
            let Ok(loaded) = store.load(&scene.id, None, Current).await else {
                continue;
            };
            let Some(Loaded { record, version }) = loaded else {
                assert!(has_begun_to_end(&done), "a live session was not found");
                return;
            };
            assert!(!was_ended, "a session was served after its end");
            let value: u32 = record.state.get("value").unwrap().unwrap();
            let (next, new) = (scene.record(value + 1), Version::generate());
            let update = store.update(&scene.id, version, &next, new, DAY);
            let polls = match how.drops && fastrand::u32(..4) == 0 {
                true => fastrand::u32(..20),
                false => u32::MAX,
            };
            match dropped_after(polls, update).await {
                Some(Ok(UpdateOutcome::Updated)) => {
                    done.acknowledged.fetch_add(1, SeqCst);
                    break;
                }
                Some(Ok(UpdateOutcome::Conflict)) => {}
                Some(Ok(outcome)) => {
                    assert_eq!(outcome, UpdateOutcome::Missing);
                    return;
                }
                Some(Err(error)) if !error.may_have_happened() => {}
                Some(Err(_)) | None => {
                    done.unknown.fetch_add(1, SeqCst);
                }
            }
        }
    }
}

/// Whether an end is on its way.
fn has_begun_to_end(done: &Done) -> bool {
    done.unknown.load(SeqCst) >= ENDING
}

/// Added to the unknown writes by a test that ends the session, before it does so.
const ENDING: u32 = 1_000_000;

/// Requests on these servers, beside a task that moves all sessions and one that lets placeholders expire.
async fn run(scene: &Arc<Scene>, servers: &[Store], how: Disturbance, ends: bool) -> Arc<Done> {
    let (tasks, done) = (LocalSet::new(), Arc::new(Done::default()));
    scene.fail(how.failures);
    let mut all = Vec::new();
    for number in 0..4 {
        let store = servers[number % servers.len()].clone();
        let requests = increments(scene.clone(), store, done.clone(), how);
        all.push(tasks.spawn_local(requests));
    }
    let (moving, disturbed) = (scene.moving(), scene.clone());
    all.push(tasks.spawn_local(async move {
        for _ in 0..fastrand::u32(..20) {
            yield_now().await;
        }
        let moves = moving.move_some(None, NonZeroU32::MIN);
        // What it does not move, a request does.
        let _ = dropped_after(fastrand::u32(..40), moves).await;
        disturbed.clock.advance(Duration::from_secs(61));
    }));
    if ends {
        let (store, id) = (servers[0].clone(), scene.id.clone());
        let done = done.clone();
        all.push(tasks.spawn_local(async move {
            for _ in 0..fastrand::u32(..60) {
                yield_now().await;
            }
            done.unknown.fetch_add(ENDING, SeqCst);
            while store.delete(&id).await.is_err() {}
            done.is_ended.store(true, SeqCst);
        }));
    }
    tasks
        .run_until(async {
            for task in all {
                task.await.unwrap();
            }
        })
        .await;
    scene.fail(0);
    done
}

const ROUNDS: u64 = 100;

const UNDISTURBED: Disturbance = Disturbance {
    failures: 0,
    drops: false,
};

const DISTURBED: Disturbance = Disturbance {
    failures: 10,
    drops: true,
};

fn fleets(scene: &Scene) -> [Vec<Store>; 3] {
    [
        vec![scene.moving(), scene.moving()],
        vec![scene.preparing(), scene.moving()],
        vec![scene.preparing(), scene.preparing()],
    ]
}

#[tokio::test]
async fn no_write_is_lost_and_none_is_doubled() {
    for seed in 0..ROUNDS {
        for (number, how) in [UNDISTURBED, DISTURBED].into_iter().enumerate() {
            for fleet in 0..3 {
                fastrand::seed(seed);
                let scene = Arc::new(Scene::new().await);
                let servers = &fleets(&scene)[fleet];
                let done = run(&scene, servers, how, false).await;
                let acknowledged = done.acknowledged.load(SeqCst);
                let unknown = done.unknown.load(SeqCst);
                let value = scene.value(&servers[0]).await.unwrap();
                let context = format!("seed {seed}, fleet {fleet}, disturbance {number}");
                assert_eq!(acknowledged, 16, "{context}");
                assert!(
                    (acknowledged..=acknowledged + unknown).contains(&value),
                    "{context}: {acknowledged} writes were acknowledged, {unknown} are unknown, and {value} are there"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_has_ended_never_comes_back() {
    for seed in 0..ROUNDS {
        for how in [UNDISTURBED, DISTURBED] {
            for fleet in 0..3 {
                fastrand::seed(seed);
                let scene = Arc::new(Scene::new().await);
                let servers = &fleets(&scene)[fleet];
                run(&scene, servers, how, true).await;
                for store in servers {
                    let value = scene.value(store).await;
                    assert_eq!(value, None, "seed {seed}, fleet {fleet}");
                }
                // A request that was in flight for long, and a placeholder that has expired.
                scene.clock.advance(Duration::from_secs(61));
                let late = scene.record(9);
                let update = |version| {
                    servers[1].update(&scene.id, version, &late, Version::generate(), DAY)
                };
                let outcome = update(Version::generate()).await.unwrap();
                assert_eq!(outcome, UpdateOutcome::Missing);
                assert_eq!(scene.old.memory.count().await.unwrap(), 0, "seed {seed}");
                assert_eq!(scene.new.memory.count().await.unwrap(), 0, "seed {seed}");
            }
        }
    }
}
