//! Many requests that change one session at the same time, on two servers. No acknowledged change is lost, and none is
//! applied twice.
//!
//! One of 100 operations fails before it is sent, before it arrives, or before its reply arrives. One of 50 clients
//! disconnects. The connections to Redis are killed ten times per second.
//!
//! Each test makes 3,000 commits, or as many as the variable `SESSILE_TEST_COMMITS` says, and prints the outcomes:
//!
//! ```sh
//! SESSILE_TEST_COMMITS=100000 cargo xtask test -p sessile --test combining -- --nocapture
//! ```
//!
//! On two cores, in one run of 29 seconds for all three:
//!
//! | store | acknowledged | failed | disconnected clients | updates of the store |
//! | --- | --- | --- | --- | --- |
//! | memory | 99,371 | 426 | 234 | 14,186 |
//! | SQLite | 99,037 | 738 | 256 | 16,965 |
//! | Redis | 98,920 | 803 | 308 | 14,010 |

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod unreliable;
mod writers;

use std::{env, thread, time::Duration};

use sessile::storage::{MemorySessionStore, RedisSessionStore, SqliteSessionStore};
use sessile_rig::redis::Redis;

use crate::writers::{Outcome, run};

/// The number of commits on each store.
fn commits() -> u64 {
    env::var("SESSILE_TEST_COMMITS").map_or(3_000, |number| {
        number
            .parse()
            .expect("SESSILE_TEST_COMMITS has to be a number")
    })
}

/// Checks what holds for each store, and prints the figures.
fn assert_combined(name: &str, commits: u64, outcome: &Outcome) {
    println!("{name}: {outcome}");
    assert!(outcome.acknowledged + outcome.failed + outcome.left >= commits);
    assert!(outcome.left > 0 && outcome.failed > 0, "there was no fault");
    // The number depends on the order of the two servers' updates. Without combining, each commit would conflict many times.
    assert!(
        outcome.updates < 2 * outcome.acknowledged,
        "no updates were combined"
    );
}

fn in_memory(commits: u64) {
    let outcome = run(MemorySessionStore::default(), commits);
    assert_combined("memory", commits, &outcome);
}

fn in_sqlite(commits: u64) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let runtime = writers::runtime();
    let building = SqliteSessionStore::builder(file.to_str().unwrap()).build();
    let store = runtime.block_on(building).unwrap();
    let outcome = run(store, commits);
    assert_combined("SQLite", commits, &outcome);
}

fn in_redis(commits: u64) {
    let redis = Redis::start().unwrap();
    let runtime = writers::runtime();
    let store = runtime
        .block_on(RedisSessionStore::new(redis.url()))
        .unwrap();
    let running = thread::spawn(move || run(store, commits));
    while !running.is_finished() {
        redis
            .command(&["CLIENT", "KILL", "TYPE", "normal"])
            .unwrap();
        // Time for the servers to connect and to do some work.
        thread::sleep(Duration::from_millis(100));
    }
    let outcome = running.join().unwrap();
    assert_combined("Redis", commits, &outcome);
}

#[test]
fn no_change_is_lost_or_applied_twice_in_memory() {
    in_memory(commits());
}

#[test]
fn no_change_is_lost_or_applied_twice_in_sqlite() {
    in_sqlite(commits());
}

#[test]
fn no_change_is_lost_or_applied_twice_in_redis() {
    in_redis(commits());
}
