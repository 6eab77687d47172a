//! Many readers of sessions that others change and end.
//!
//! Another server may see a change with a delay. But after one reader has seen a state, no later reader sees an earlier
//! state.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use sessile::storage::{RedisSessionStore, SessionStore as _};
use sessile_rig::redis::{Cluster, Redis};
use tokio::task::JoinSet;

use super::until;
use crate::{
    cluster::url_of,
    setup::{Stored, create, in_time, near_store, store, update, updated, value},
};

const SESSIONS: u32 = 8;
const CHANGES: u32 = 200;
const READERS: usize = 4;

/// What the readers of one server have seen of one session.
#[derive(Default)]
struct Seen {
    highest: AtomicU32,
    ended: AtomicBool,
    writer_is_done: AtomicBool,
}

/// Reads until the session or its writer has ended.
async fn read(near: RedisSessionStore, at: Stored, seen: Arc<Seen>) {
    loop {
        let (is_done, ended) = (seen.writer_is_done.load(SeqCst), seen.ended.load(SeqCst));
        let highest = seen.highest.load(SeqCst);
        match value(&near, &at).await.unwrap() {
            Some(found) => {
                assert!(!ended, "a session that had ended is back, with {found}");
                assert!(found >= highest, "{found} was read after {highest}");
                seen.highest.fetch_max(found, SeqCst);
            }
            None => seen.ended.store(true, SeqCst),
        }
        if is_done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Readers on one server, while another server runs `write` on the sessions that they read.
async fn readers_against<F, W>(near: &[RedisSessionStore], other: &RedisSessionStore, write: W)
where
    F: Future<Output = ()> + Send + 'static,
    W: Fn(RedisSessionStore, Stored) -> F,
{
    let mut tasks = JoinSet::new();
    for _ in 0..SESSIONS {
        let at = create(other, 0).await;
        let mut watched = Vec::new();
        for near in near {
            let seen = Arc::new(Seen::default());
            for _ in 0..READERS {
                tasks.spawn(read(near.clone(), at.clone(), Arc::clone(&seen)));
            }
            watched.push(seen);
        }
        let write = write(other.clone(), at);
        tasks.spawn(async move {
            write.await;
            for seen in watched {
                seen.writer_is_done.store(true, SeqCst);
            }
        });
    }
    in_time(tasks.join_all()).await;
}

async fn time_runs_forward(near: &[RedisSessionStore], other: &RedisSessionStore) {
    readers_against(near, other, |other, at| async move {
        let mut at = at;
        for change in 1..=CHANGES {
            at = updated(&other, &at, change).await;
        }
    })
    .await;
    for _ in 0..5 {
        readers_against(near, other, |other, at| async move {
            let at = updated(&other, &at, 1).await;
            other.delete(&at.id).await.unwrap();
        })
        .await;
    }
}

/// The last change reaches every reader.
async fn all_arrive(near: &[RedisSessionStore], other: &RedisSessionStore) {
    for round in 1..=20 {
        let mut at = create(other, 0).await;
        let mut readers = JoinSet::new();
        let is_done = Arc::new(AtomicBool::new(false));
        for near in near.iter().cycle().take(2 * READERS) {
            let (near, at, is_done) = (near.clone(), at.clone(), Arc::clone(&is_done));
            readers.spawn(async move {
                while !is_done.load(SeqCst) {
                    value(&near, &at).await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
        }
        for change in 1..=round {
            at = updated(other, &at, change).await;
        }
        for near in near {
            until(near, &at, Some(round)).await;
        }
        other.delete(&at.id).await.unwrap();
        for near in near {
            until(near, &at, None).await;
        }
        is_done.store(true, SeqCst);
        in_time(readers.join_all()).await;
    }
}

/// The writer reads what it wrote, through the same store as concurrent readers.
async fn own_writes_are_read(near: &RedisSessionStore) {
    let mut at = create(near, 0).await;
    let seen = Arc::new(Seen::default());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read(near.clone(), at.clone(), Arc::clone(&seen)));
    }
    for change in 1..=2 * CHANGES {
        at = updated(near, &at, change).await;
        assert_eq!(value(near, &at).await.unwrap(), Some(change));
        // Later readers see it as well.
        seen.highest.fetch_max(change, SeqCst);
    }
    near.delete(&at.id).await.unwrap();
    seen.ended.store(true, SeqCst);
    assert_eq!(value(near, &at).await.unwrap(), None);
    seen.writer_is_done.store(true, SeqCst);
    in_time(readers.join_all()).await;
}

/// A write that is dropped may be executed later.
async fn a_write_that_was_given_up_arrives(near: &RedisSessionStore, other: &RedisSessionStore) {
    const ENOUGH: u32 = 20;

    let (mut done, mut patience) = (0, 0);
    while done < ENOUGH {
        let at = create(other, 1).await;
        assert_eq!(value(near, &at).await.unwrap(), Some(1));
        let given_up = tokio::select! {
            biased;
            _ = update(near, &at, 2) => false,
            () = turns(patience) => true,
        };
        value(near, &at).await.unwrap();
        let settled = agreed(near, other, &at).await;
        done += u32::from(given_up && settled == Some(2));
        // It is dropped at each moment from before it is sent until its reply has arrived.
        patience = if given_up { patience + 1 } else { 0 };
    }
}

/// Waits until both stores load the same value twenty times in a row.
async fn agreed(near: &RedisSessionStore, other: &RedisSessionStore, at: &Stored) -> Option<u32> {
    let mut in_a_row = 0;
    loop {
        let stored = value(other, at).await.unwrap();
        match value(near, at).await.unwrap() == stored {
            true => in_a_row += 1,
            false => in_a_row = 0,
        }
        if in_a_row == 20 {
            return stored;
        }
    }
}

/// Lets other tasks run this many times.
async fn turns(number: u32) {
    for _ in 0..number {
        tokio::task::yield_now().await;
    }
}

async fn all(near: [RedisSessionStore; 2], other: RedisSessionStore) {
    time_runs_forward(&near, &other).await;
    all_arrive(&near, &other).await;
    for near in &near {
        own_writes_are_read(near).await;
    }
    in_time(a_write_that_was_given_up_arrives(&near[0], &other)).await;
    // The writer has a near cache as well.
    let [first, second] = near;
    time_runs_forward(&[second], &first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    let near = [near_store(redis.url()).await, near_store(redis.url()).await];
    all(near, store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let near = [near_store(url.clone()).await, near_store(url.clone()).await];
    all(near, store(url).await).await;
}
