//! Threads that share a near cache, and have a connection to Redis each.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use sessile::storage::{RedisSessionStore, SessionStore as _, Stored, Swap};
use sessile_rig::redis::Redis;
use tokio::runtime::Runtime;

use super::{Scene, until};
use crate::setup::{create, in_time, near_store, store, stored, update, value};

/// Threads with a runtime each that go on by themselves, as workers of Actix Web.
fn workers<const N: usize>() -> [Runtime; N] {
    std::array::from_fn(|_| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    })
}

/// What comes of `future` on `worker`.
fn on<F>(worker: &Runtime, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let done = worker.spawn(future);
    worker.block_on(in_time(done)).unwrap()
}

fn update_on(worker: &Runtime, near: &RedisSessionStore, at: &Stored, to: u32) -> Option<Stored> {
    let (near, at) = (near.clone(), at.clone());
    match on(worker, async move { update(&near, &at, to).await }).unwrap() {
        Swap::Stored(stored) => Some(stored),
        _ => None,
    }
}

fn value_on(worker: &Runtime, near: &RedisSessionStore, at: &Stored) -> Option<u32> {
    let (near, at) = (near.clone(), at.clone());
    on(worker, async move { value(&near, &at).await }).unwrap()
}

/// Each worker has a connection of its own, and is told of what the others write.
#[test]
fn workers_that_take_turns_read_without_a_command() {
    let [first, second] = workers();
    let scene = on(&first, Scene::prepared());
    let near = scene.near.clone();
    let mut at = on(&first, async move { create(&near, 0).await });
    scene.asked();
    // News of one write that come after the next one has begun evict what that leaves. Mostly they come in time; where
    // the machine does much else, less often, so there is more than one try.
    const ROUNDS: u32 = 100;
    let mut best = 0;
    for attempt in 0..20 {
        let mut hits = 0;
        for round in 1..=ROUNDS {
            let (writer, reader) = match round % 2 {
                0 => (&first, &second),
                _ => (&second, &first),
            };
            let to = attempt * ROUNDS + round;
            at = update_on(writer, &scene.near, &at, to).unwrap();
            for worker in [reader, writer, reader] {
                assert_eq!(value_on(worker, &scene.near, &at), Some(to));
            }
            let asked = scene.asked();
            hits += u32::from(!asked.iter().any(|command| command == "GET"));
        }
        best = best.max(hits);
        if hits > ROUNDS / 2 {
            break;
        }
    }
    assert!(best > ROUNDS / 2, "{best} of {ROUNDS} were kept, at best");
    // And whoever else changes it is heard over the connection of the one who wrote last.
    let other = scene.other.clone();
    on(&first, async move {
        let at = stored(update(&other, &at, 10_000).await);
        until(&scene.near, &at, Some(10_000)).await;
    });
}

/// Whichever of two writes at the same time is done, everybody here reads that one.
#[test]
fn of_writes_at_the_same_time_on_two_workers_one_is_read() {
    let [first, second, third] = workers();
    let redis = Redis::start().unwrap();
    let url = redis.url();
    let (near, other) = on(&third, async move {
        (near_store(url.clone()).await, store(url).await)
    });
    let start = Arc::new(Barrier::new(2));
    for _ in 0..100 {
        let at = on(&third, {
            let near = near.clone();
            async move { create(&near, 0).await }
        });
        let write = |worker: &Runtime, to: u32| {
            let (near, at) = (near.clone(), at.clone());
            let (start, handle) = (Arc::clone(&start), worker.handle().clone());
            thread::spawn(move || {
                start.wait();
                let update = async move { update(&near, &at, to).await };
                match handle.block_on(in_time(update)).unwrap() {
                    Swap::Stored(stored) => Some((stored, to)),
                    _ => None,
                }
            })
        };
        let both = [write(&first, 1), write(&second, 2)];
        let done = both.map(|thread| thread.join().unwrap());
        let ([Some((at, winner)), None] | [None, Some((at, winner))]) = done else {
            panic!("both were done, or none");
        };
        for worker in [&first, &second, &third] {
            assert_eq!(value_on(worker, &near, &at), Some(winner));
        }
        // Changed elsewhere, and heard of whoever has it.
        let (near, other) = (near.clone(), other.clone());
        on(&third, async move {
            let at = stored(update(&other, &at, 3).await);
            until(&near, &at, Some(3)).await;
        });
    }
}

/// Workers that change one session, as fast as they can, while others read it: what was acknowledged here is
/// what is read from then on.
#[test]
fn workers_that_write_one_session_read_what_was_written() {
    let redis = Redis::start().unwrap();
    let [first, second, third] = workers();
    let url = redis.url();
    let near = on(&first, async move { near_store(url).await });
    let at = on(&first, {
        let near = near.clone();
        async move { create(&near, 0).await }
    });
    let is_done = Arc::new(AtomicBool::new(false));
    // Nobody knows the order of reads on several connections to each other, but it is a value that was there.
    let reader = third.spawn({
        let (near, at, is_done) = (near.clone(), at.clone(), Arc::clone(&is_done));
        async move {
            while !is_done.load(SeqCst) {
                assert!(value(&near, &at).await.unwrap().is_some());
                tokio::task::yield_now().await;
            }
        }
    });
    let writers = [&first, &second].map(|worker| {
        let (near, at) = (near.clone(), at.clone());
        worker.spawn(async move {
            let mut written = 0;
            while written < 100 {
                let loaded = near.load(&at.key).await.unwrap().unwrap();
                let before: u32 = loaded.record.state.get("value").unwrap().unwrap();
                let at = Stored {
                    key: at.key.clone(),
                    version: loaded.version,
                };
                if let Swap::Stored(_) = update(&near, &at, before + 1).await.unwrap() {
                    written += 1;
                    // Others only ever count on from here.
                    let now = value(&near, &at).await.unwrap().unwrap();
                    assert!(
                        now > before,
                        "{now} was read after {} was written",
                        before + 1
                    );
                }
            }
        })
    });
    for writer in writers {
        first.block_on(in_time(writer)).unwrap();
    }
    is_done.store(true, SeqCst);
    first.block_on(in_time(reader)).unwrap();
    assert_eq!(value_on(&second, &near, &at), Some(200));
}
