//! Threads that share a near cache. Each has its own connection to Redis.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use sessile::storage::{Freshness, RedisSessionStore, SessionStore as _, UpdateOutcome};
use sessile_rig::redis::Redis;
use tokio::runtime::Runtime;

use super::until;
use crate::setup::{Stored, create, in_time, near_store, store, update, updated, value};

/// Threads with their own runtimes, as workers of Actix Web have.
fn workers<const N: usize>() -> [Runtime; N] {
    std::array::from_fn(|_| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    })
}

/// The output of `future` on `worker`.
fn on<F>(worker: &Runtime, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let done = worker.spawn(future);
    worker.block_on(in_time(done)).unwrap()
}

/// The session at its current version.
async fn loaded(store: &RedisSessionStore, at: &Stored) -> Stored {
    let loaded = store.load(&at.id, None, Freshness::Current).await;
    Stored {
        version: loaded.unwrap().unwrap().version,
        ..at.clone()
    }
}

fn value_on(worker: &Runtime, near: &RedisSessionStore, at: &Stored) -> Option<u32> {
    let (near, at) = (near.clone(), at.clone());
    on(worker, async move { value(&near, &at).await }).unwrap()
}

#[test]
fn of_two_simultaneous_writes_every_worker_reads_the_one_that_succeeded() {
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
                let outcome = handle.block_on(in_time(update)).unwrap();
                (outcome == UpdateOutcome::Updated).then_some(to)
            })
        };
        let both = [write(&first, 1), write(&second, 2)];
        let done = both.map(|thread| thread.join().unwrap());
        let ([Some(winner), None] | [None, Some(winner)]) = done else {
            panic!("not exactly one succeeded: {done:?}");
        };
        for worker in [&first, &second, &third] {
            assert_eq!(value_on(worker, &near, &at), Some(winner));
        }
        // A change by another server arrives over each of the connections.
        let (near, other) = (near.clone(), other.clone());
        on(&third, async move {
            let at = loaded(&near, &at).await;
            let at = updated(&other, &at, 3).await;
            until(&near, &at, Some(3)).await;
        });
    }
}

/// Workers change one session as fast as they can while another reads it: each reads its acknowledged write.
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
    // The order of reads over several connections is undefined, but the session is always there.
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
                let before = near.load(&at.id, None, Freshness::Cached).await;
                let before = before.unwrap().unwrap();
                let at = Stored {
                    version: before.version,
                    ..at.clone()
                };
                let before: u32 = before.record.state.get("value").unwrap().unwrap();
                let outcome = update(&near, &at, before + 1).await.unwrap();
                if outcome == UpdateOutcome::Updated {
                    written += 1;
                    // The other worker only counts up.
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
