//! Servers that are killed and restarted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use sessile::{config::Settings, storage::StoreErrorKind};

use crate::{
    engine::{self, Server, Store},
    race_suite::commit,
    sql::{
        apps::{apps, new_session},
        setup::{built, create, failed, in_time, until_it_works, updated_at_last, value},
    },
};

/// How soon requests work again.
const SOON: Duration = Duration::from_secs(2);

/// A store with its defaults.
async fn impatient(url: String) -> Store {
    built(Store::builder(url).create_table(true)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_until_a_killed_server_returns() {
    let server = Server::start().unwrap();
    let store = impatient(server.url()).await;
    // They fail at once: a hundred timeouts are more than there is time for.
    dies_and_comes_back(server, store, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_pool_fail_until_a_killed_server_returns() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(engine::pool(&server).await);
    let store = built(builder.create_table(true)).await;
    // A pool tries to connect until the time is over.
    dies_and_comes_back(server, store, 5).await;
}

/// So many requests, one after the other, fail before twenty seconds are over.
pub(crate) async fn dies_and_comes_back(mut server: Server, store: Store, requests: u32) {
    for round in 1..=3 {
        let at = create(&store, round).await;
        server.kill().unwrap();
        let begun = Instant::now();
        for _ in 0..requests {
            let error = failed(in_time(value(&store, &at)).await);
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        }
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?}");
        server.restart().unwrap();
        let waited = until_it_works(&store, &at).await;
        assert!(waited < SOON, "{waited:?}");
        assert_eq!(value(&store, &at).await.unwrap(), Some(round));
        updated_at_last(&store, &at, 9).await;
    }
}

/// What one writer knows of its own counter.
#[derive(Default)]
struct Tally {
    acknowledged: AtomicUsize,
    /// Writes that failed, and may have been done.
    open: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_server_that_is_killed_under_load() {
    const SESSIONS: usize = 4;
    let mut server = Server::start().unwrap();
    let store = impatient(server.url()).await;
    let at = create(&store, 1).await;
    let stores = [store.clone(), impatient(server.url()).await];
    let apps = apps(stores, &Settings::default());
    let mut cookies = Vec::new();
    for _ in 0..SESSIONS {
        cookies.push(new_session(&apps[0]).await);
    }
    // Each session is written to by both servers, four times at once.
    let tallies: Arc<[Tally; 4 * SESSIONS]> = Arc::default();
    let is_over = Arc::new(AtomicBool::new(false));
    let writers = (0..4 * SESSIONS).map(|writer| {
        let (app, cookie) = (apps[writer % 2].clone(), cookies[writer / 4].clone());
        let (tallies, is_over) = (Arc::clone(&tallies), Arc::clone(&is_over));
        tokio::spawn(async move {
            let tally = &tallies[writer];
            while !is_over.load(SeqCst) {
                match app.open([cookie.as_bytes()]).await {
                    Ok(session) => {
                        assert_eq!(session.get("before").unwrap(), Some(1));
                        let name = format!("writer {writer}");
                        session.update_or(&name, 1, |n: usize| n + 1).unwrap();
                        match commit(&app, &session).await {
                            Ok(_) => tally.acknowledged.fetch_add(1, SeqCst),
                            Err(_) => tally.open.fetch_add(1, SeqCst),
                        };
                    }
                    // Only so that failing at once doesn't take the whole processor.
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let acknowledged = || -> usize { tallies.iter().map(|it| it.acknowledged.load(SeqCst)).sum() };

    for _ in 0..3 {
        let before = acknowledged();
        in_time(async {
            while acknowledged() < before + 200 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        server.kill().unwrap();
        server.restart().unwrap();
        let waited = until_it_works(&store, &at).await;
        assert!(waited < SOON, "{waited:?}");
    }
    is_over.store(true, SeqCst);
    for writer in writers {
        in_time(writer).await.unwrap();
    }

    for (session, cookie) in cookies.iter().enumerate() {
        // The other store may have to connect first.
        let kept = in_time(async {
            loop {
                match apps[1].open([cookie.as_bytes()]).await {
                    Ok(kept) => break kept,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        })
        .await;
        for writer in 4 * session..4 * (session + 1) {
            let count: usize = kept.get(&format!("writer {writer}")).unwrap().unwrap_or(0);
            let least = tallies[writer].acknowledged.load(SeqCst);
            let most = least + tallies[writer].open.load(SeqCst);
            assert!(
                (least..=most).contains(&count),
                "{least} <= {count} <= {most}"
            );
        }
    }
}
