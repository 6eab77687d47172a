//! A replica that takes over while requests run, at an address that moves to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use sessile::storage::{Freshness, SessionStore as _, StoreErrorKind, UpdateOutcome, Version};
use sessile_rig::proxy::Proxy;

use crate::{
    engine::{self, Store},
    pair::Pair,
    sql::setup::{
        At, MINUTE, built, create, in_time, patient, record, store, until_it_works, update,
        updated, updated_at_last, value, with_patience,
    },
};

/// A client that counts in a session of its own.
struct Client {
    store: Store,
    at: At,
    acknowledged: u32,
}

impl Client {
    /// Increments the number in one request. Returns whether that was acknowledged.
    async fn increment(&mut self) -> bool {
        let (next, version) = (self.acknowledged + 1, Version::generate());
        let record = record(next);
        let (id, expected) = (&self.at.id, self.at.version);
        let updating = self.store.update(id, expected, &record, version, MINUTE);
        match in_time(updating).await {
            Ok(outcome) => {
                assert_eq!(outcome, UpdateOutcome::Updated);
                self.acknowledged = next;
                self.at.version = version;
                true
            }
            Err(error) => {
                // Leaves the processor to the servers.
                tokio::time::sleep(Duration::from_millis(5)).await;
                if error.may_have_happened() {
                    self.learn(next, version).await;
                }
                false
            }
        }
    }

    /// Loads until it knows whether the update to `next` was stored.
    async fn learn(&mut self, next: u32, version: Version) {
        let id = &self.at.id;
        let loaded = loop {
            match in_time(self.store.load(id, None, Freshness::Current)).await {
                Ok(loaded) => break loaded.expect("the session lives"),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        if loaded.version == version {
            self.acknowledged = next;
            self.at.version = version;
        } else {
            assert_eq!(
                loaded.version, self.at.version,
                "an acknowledged write is lost"
            );
        }
    }

    async fn read(&self) {
        if let Ok(found) = in_time(value(&self.store, &self.at)).await {
            assert_eq!(found, Some(self.acknowledged));
        }
    }
}

async fn takes_over(is_planned: bool) {
    let mut pair = Pair::start();
    store(&pair.primary).await;
    let proxy = Proxy::start(pair.primary.port()).unwrap();
    let store = built(patient(pair.primary.url_on(proxy.port()))).await;
    let ended = create(&store, 1).await;
    let (requests, is_done) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client {
            store: store.clone(),
            at: create(&store, 0).await,
            acknowledged: 0,
        };
        let (requests, is_done) = (Arc::clone(&requests), Arc::clone(&is_done));
        clients.push(tokio::spawn(async move {
            loop {
                let is_last = is_done.load(SeqCst);
                let is_acknowledged = client.increment().await;
                requests.fetch_add(is_acknowledged.into(), SeqCst);
                client.read().await;
                if is_last && is_acknowledged {
                    return client;
                }
            }
        }));
    }
    in_time(async {
        while requests.load(SeqCst) < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time(store.delete(&ended.id)).await.unwrap();

    pair.promote(is_planned);
    proxy.switch_to(pair.replica.port());
    is_done.store(true, SeqCst);
    for client in clients {
        let client = in_time(client).await.unwrap();
        // The connection for reads may have to wait for its next attempt.
        until_it_works(&store, &client.at).await;
        assert_eq!(
            value(&store, &client.at).await.unwrap(),
            Some(client.acknowledged)
        );
    }
    assert_eq!(value(&store, &ended).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_follow_a_planned_switch() {
    takes_over(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_follow_a_switch_after_a_crash_and_nothing_acknowledged_is_lost() {
    takes_over(false).await;
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn after_a_failover_few_attempts_to_connect_are_enough() {
    use crate::{engine::BACKEND, recovery::Recovery};

    for (fault, is_planned) in [("planned switch", true), ("crash", false)] {
        let mut pair = Pair::start();
        store(&pair.primary).await;
        let proxy = Proxy::start(pair.primary.port()).unwrap();
        let recovery = Recovery::start();
        let builder = engine::at_most(patient(pair.primary.url_on(proxy.port())), 1);
        let store = built(builder).await;
        let at = updated(&store, &create(&store, 1).await, 2).await;
        assert_eq!(value(&store, &at).await.unwrap(), Some(2));
        pair.promote(is_planned);
        // Until the address moves, requests fail, and the pauses between attempts grow.
        let mut failures = 0;
        in_time(async {
            while failures < 100 {
                failures += u32::from(update(&store, &at, 3).await.is_err());
                _ = value(&store, &at).await;
            }
        })
        .await;
        create(&built(patient(pair.replica.url())).await, 1).await;

        proxy.switch_to(pair.replica.port());
        let fault = format!("{BACKEND}, {fault}");
        let working = async {
            let at = updated_at_last(&store, &at, 4).await;
            until_it_works(&store, &at).await;
            assert_eq!(value(&store, &at).await.unwrap(), Some(4));
        };
        recovery.observe(&fault, working).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_leave_the_former_server_with_the_first_write_that_the_new_one_accepts() {
    let connect = async |address: &str| (built(patient(address)).await, || true);
    reads_leave_the_former_server(connect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_reads_over_a_pool() {
    let connect = async |address: &str| {
        let pool = engine::pool_to(address).await;
        let store = built(with_patience(Store::builder_pooled(pool.clone()))).await;
        (store, move || engine::is_idle(&pool))
    };
    reads_leave_the_former_server(connect).await;
}

/// `connect` makes a store at an address, and a function that tells whether its pool has all of its connections.
pub(crate) async fn reads_leave_the_former_server<F: Fn() -> bool>(
    connect: impl AsyncFn(&str) -> (Store, F),
) {
    const READS: usize = 8;
    let mut pair = Pair::start();
    store(&pair.primary).await;
    let proxy = Proxy::start(pair.primary.port()).unwrap();
    let (store, is_idle) = connect(&pair.primary.url_on(proxy.port())).await;
    let (changed, ended) = (create(&store, 1).await, create(&store, 1).await);
    pair.promote(true);
    let refused = in_time(async {
        loop {
            // The open connections learn a moment later that the server is read-only.
            if let Err(error) = update(&store, &ended, 1).await {
                break error;
            }
        }
    });
    assert_eq!(refused.await.kind(), StoreErrorKind::Denied);
    // The address still leads to the former server, and so do new connections.
    let reads = |at: &At| {
        let read = |_| {
            let (store, at) = (store.clone(), at.clone());
            tokio::spawn(async move { value(&store, &at).await.unwrap() })
        };
        (0..READS).map(read).collect::<Vec<_>>()
    };
    for read in reads(&ended) {
        assert_eq!(in_time(read).await.unwrap(), Some(1));
    }
    in_time(async {
        while !is_idle() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    proxy.switch_to(pair.replica.port());
    let changed = updated_at_last(&store, &changed, 3).await;
    for read in reads(&changed) {
        assert_eq!(in_time(read).await.unwrap(), Some(3));
    }
    in_time(store.delete(&ended.id)).await.unwrap();
    for read in reads(&ended) {
        assert_eq!(in_time(read).await.unwrap(), None);
    }
}
