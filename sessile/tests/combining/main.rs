//! Many requests that change one session at the same time, on two servers whose store loses requests and answers, while
//! clients leave and connections are killed. No acknowledged change is lost, and none is applied twice.
//!
//! The tests make a few thousand commits. The ignored ones make 100,000 on each store, and print what became of them:
//! `cargo xtask test -p sessile --test combining -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod unreliable;
mod writers;

use std::{thread, time::Duration};

use sessile::storage::{MemorySessionStore, RedisSessionStore, SqliteSessionStore};
use sessile_rig::redis::Redis;

use crate::writers::{Outcome, run};

const FEW: u64 = 3_000;
const MANY: u64 = 100_000;

/// Checks what holds for each store, and prints the figures.
fn assert_combined(name: &str, commits: u64, outcome: &Outcome) {
    println!("{name}: {outcome}");
    assert!(outcome.acknowledged + outcome.failed + outcome.left >= commits);
    assert!(outcome.left > 0 && outcome.failed > 0, "there was no fault");
    assert!(
        outcome.updates < outcome.acknowledged,
        "nothing was combined"
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
    in_memory(FEW);
}

#[test]
fn no_change_is_lost_or_applied_twice_in_sqlite() {
    in_sqlite(FEW);
}

#[test]
fn no_change_is_lost_or_applied_twice_in_redis() {
    in_redis(FEW);
}

#[test]
#[ignore = "100,000 commits: a command of their own"]
fn of_a_hundred_thousand_changes_none_is_lost_or_applied_twice_in_memory() {
    in_memory(MANY);
}

#[test]
#[ignore = "100,000 commits: a command of their own"]
fn of_a_hundred_thousand_changes_none_is_lost_or_applied_twice_in_sqlite() {
    in_sqlite(MANY);
}

#[test]
#[ignore = "100,000 commits: a command of their own"]
fn of_a_hundred_thousand_changes_none_is_lost_or_applied_twice_in_redis() {
    in_redis(MANY);
}
