//! A browser with 20 parallel requests on two servers, and a tenth of the responses lost: no user is signed out, no
//! change is lost, and no secret opens the session for longer than its grace period.

use super::{browser::Browser, *};

async fn run<S: SessionStore + Clone + 'static>(
    store: S,
    clock: ManualClock,
    change: fn(&mut Settings),
    seed: u64,
    steps: u32,
) {
    let change = |settings: &mut Settings| {
        change(settings);
        rotating(settings);
    };
    let world = World::over(store, clock.clone(), change);
    let beside = world.beside(&clock, change);
    let mut browser = Browser::new([world, beside], seed).await;
    let begun_at = clock.now();
    for _ in 0..steps {
        browser.step().await;
    }
    let passed = clock.now().saturating_duration_since(begun_at);
    let intervals = passed.as_secs() / INTERVAL.as_secs();
    let secrets = u64::try_from(browser.secrets()).unwrap();
    assert!(
        intervals > 10 && secrets > intervals / 4,
        "{secrets} in {intervals}"
    );
    assert!(browser.n > steps / 8);
}

#[tokio::test]
async fn no_user_is_signed_out_by_a_rotation() {
    for seed in 0..12 {
        let clock = ManualClock::default();
        let store = Arc::new(Faulty::new(&clock));
        let policies = [|_: &mut Settings| {}, persistent, touching];
        let policy = policies[usize::try_from(seed).unwrap() % policies.len()];
        run(store, clock, policy, seed, 1000).await;
    }
}

#[cfg(feature = "sqlite-session")]
#[tokio::test]
async fn no_user_is_signed_out_by_a_rotation_over_sqlite() {
    use crate::storage::SqliteSessionStore;

    for policy in [|_: &mut Settings| {}, touching] {
        let clock = ManualClock::default();
        let builder = SqliteSessionStore::builder("sqlite::memory:").clock(clock.clone());
        let store = builder.build().await.unwrap();
        run(store, clock, policy, 1, 1000).await;
    }
}
