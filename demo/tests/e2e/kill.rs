//! What was acknowledged survives the end of the program, however it ends.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use serde::Deserialize;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::site::Site;

const ROUNDS: u64 = 3;

/// How many acknowledged writes each round waits for before it kills.
const WRITES: u64 = 150;

/// How many visitors write at the same time, and with how many requests each.
const VISITORS: usize = 3;
const WRITERS: usize = 4;

/// How many keys the site lets a session set.
const KEYS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_survives_a_kill() {
    let mut site = Site::start();
    let tally = Tally::begin(&site).await;

    for round in 1..=ROUNDS {
        let (acknowledged, mut writes) = mpsc::unbounded_channel();
        let mut settling = JoinSet::new();
        for _ in 0..VISITORS {
            settling.spawn(settle(site.at(""), acknowledged.clone()));
        }
        let mut counting = JoinSet::new();
        for number in 0..WRITERS {
            counting.spawn(
                tally
                    .clone()
                    .count(site.at(""), number, acknowledged.clone()),
            );
        }
        drop(acknowledged);

        let enough = async {
            for _ in 0..WRITES {
                writes.recv().await.expect("all writers gave up");
            }
        };
        timeout(Duration::from_secs(60), enough)
            .await
            .expect("the site is too slow to be under load");
        site.kill();
        counting.join_all().await;
        let settled: Vec<Settled> = settling.join_all().await.into_iter().flatten().collect();

        site.restart();
        tally.check(&site).await;
        assert!(
            settled.len() >= VISITORS,
            "round {round} kept no visitor busy"
        );
        for settled in settled {
            settled.check(&site).await;
        }
    }
}

#[tokio::test]
async fn ctrl_c_is_a_clean_end_and_loses_nothing() {
    let mut site = Site::start();
    let client = visitor();
    for visits in 1..=2 {
        let page = client.get(site.at("/")).send().await.unwrap();
        let page = page.text().await.unwrap();
        assert!(page.contains(&format!("id=\"visits\">{visits}<")), "{page}");

        // With a connection still open.
        let status = site.interrupt().unwrap();
        assert_eq!(status.code(), Some(0), "{}", site.output());
        // Everything is in the one file, which can be copied now.
        let folder = site.folder().read_dir().unwrap();
        let files = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let database: Vec<String> = files.filter(|name| name.starts_with("demo.db")).collect();
        assert_eq!(database, ["demo.db"]);

        site.restart();
    }
}

/// One session whose counter many requests move up, across all rounds.
#[derive(Clone)]
struct Tally {
    client: Client,
    /// How many increments were sent, and so may be there.
    sent: Arc<AtomicU64>,
    /// How many were answered, and so must be there.
    acknowledged: Arc<AtomicU64>,
}

impl Tally {
    async fn begin(site: &Site) -> Self {
        let client = visitor();
        assert!(post(&client, site.at("/api/counter")).await.is_ok());
        Self {
            client,
            sent: Arc::default(),
            acknowledged: Arc::default(),
        }
    }

    /// Increments until the site is gone.
    async fn count(self, site: String, number: usize, tell: mpsc::UnboundedSender<()>) {
        let address = format!("{site}/api/counter/{number}");
        loop {
            self.sent.fetch_add(1, Ordering::SeqCst);
            if post(&self.client, address.clone()).await.is_err() {
                return;
            }
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            // The receiver is gone once there were enough.
            let _ = tell.send(());
        }
    }

    async fn check(&self, site: &Site) {
        #[derive(Deserialize)]
        struct Count {
            kept: u64,
        }
        let response = self.client.get(site.at("/api/counter")).send().await;
        let Count { kept } = response.unwrap().json().await.unwrap();
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let sent = self.sent.load(Ordering::SeqCst);
        assert!(acknowledged > 0);
        assert!(
            (acknowledged..=sent).contains(&kept),
            "{acknowledged} increments were acknowledged and {sent} sent, and {kept} are there"
        );
    }
}

/// A session that keys of their own were set in.
struct Settled {
    client: Client,
    acknowledged: BTreeSet<usize>,
}

impl Settled {
    async fn check(&self, site: &Site) {
        #[derive(Deserialize)]
        struct Keys {
            kept: BTreeSet<usize>,
        }
        let response = self.client.get(site.at("/api/keys")).send().await;
        let Keys { kept } = response.unwrap().json().await.unwrap();
        assert!(
            kept.is_superset(&self.acknowledged),
            "{:?} were acknowledged and {kept:?} are there",
            self.acknowledged
        );
    }
}

/// Begins session after session and sets keys in each, several at a time, until the site is gone.
async fn settle(site: String, tell: mpsc::UnboundedSender<()>) -> Vec<Settled> {
    let mut sessions = Vec::new();
    loop {
        let client = visitor();
        if post(&client, format!("{site}/api/keys")).await.is_err() {
            return sessions;
        }
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (client, site, tell) = (client.clone(), site.clone(), tell.clone());
            writers.spawn(async move {
                let mut acknowledged = BTreeSet::new();
                for number in (writer..KEYS).step_by(WRITERS) {
                    if post(&client, format!("{site}/api/keys/{number}"))
                        .await
                        .is_err()
                    {
                        break;
                    }
                    acknowledged.insert(number);
                    let _ = tell.send(());
                }
                acknowledged
            });
        }
        let acknowledged = writers.join_all().await.into_iter().flatten().collect();
        sessions.push(Settled {
            client,
            acknowledged,
        });
    }
}

/// An answer that came in full is an acknowledgement, and has to be a good one.
async fn post(client: &Client, address: String) -> reqwest::Result<()> {
    let response = client.post(address).send().await?;
    let status = response.status();
    response.bytes().await?;
    assert!(status.is_success(), "{status}");
    Ok(())
}

fn visitor() -> Client {
    Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .unwrap()
}
