//! Acknowledged writes survive the end of the program, by a kill or by Ctrl-C.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::{
    races::{Race, post},
    site::Site,
    visitor::{text, visitor},
};

const ROUNDS: u64 = 3;

/// The number of acknowledged writes that each round waits for before it kills the program.
const WRITES: u64 = 150;

/// The number of visitors that write at the same time.
const VISITORS: usize = 3;

/// The number of concurrent requests of each visitor.
const WRITERS: usize = 4;

/// The number of keys that the site allows in a session.
const KEYS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_survives_a_kill() {
    let mut site = Site::start();
    let counter = Counter::begin(&site).await;

    for round in 1..=ROUNDS {
        let (acknowledged, mut writes) = mpsc::unbounded_channel();
        let mut setting = JoinSet::new();
        for _ in 0..VISITORS {
            setting.spawn(set_keys(site.at(""), acknowledged.clone()));
        }
        let mut counting = JoinSet::new();
        for number in 0..WRITERS {
            counting.spawn(
                counter
                    .clone()
                    .count(site.at(""), number, acknowledged.clone()),
            );
        }
        drop(acknowledged);

        let enough = async {
            for _ in 0..WRITES {
                writes.recv().await.expect("all writers stopped");
            }
        };
        timeout(Duration::from_secs(60), enough)
            .await
            .expect("the site acknowledged too few writes in time");
        site.kill();
        counting.join_all().await;
        let sessions: Vec<KeySession> = setting.join_all().await.into_iter().flatten().collect();

        site.restart();
        counter.check(&site).await;
        assert!(
            sessions.len() >= VISITORS,
            "round {round}: too few sessions had keys"
        );
        for session in sessions {
            session.check(&site).await;
        }
    }
}

#[tokio::test]
async fn ctrl_c_ends_the_program_cleanly_and_loses_no_write() {
    let mut site = Site::start();
    let client = visitor();
    for visits in 1..=2 {
        let page = text(&client, &site, "/").await;
        assert!(page.contains(&format!("id=\"visits\">{visits}<")), "{page}");

        // A connection is still open.
        let status = site.interrupt().unwrap();
        assert_eq!(status.code(), Some(0), "{}", site.output());
        // All data is in one file.
        let folder = site.folder().read_dir().unwrap();
        let files = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let database: Vec<String> = files.filter(|name| name.starts_with("demo.db")).collect();
        assert_eq!(database, ["demo.db"]);

        site.restart();
    }
}

/// A session whose counter many requests increment, in all rounds.
#[derive(Clone)]
struct Counter {
    client: Client,
    token: String,
    /// The number of increments that were sent. They may be stored.
    sent: Arc<AtomicU64>,
    /// The number of increments that were acknowledged. They must be stored.
    acknowledged: Arc<AtomicU64>,
}

impl Counter {
    async fn begin(site: &Site) -> Self {
        let client = visitor();
        let race = Race::load(&client, &site.at("/merging")).await.unwrap();
        Self {
            client,
            token: race.csrf_token,
            sent: Arc::default(),
            acknowledged: Arc::default(),
        }
    }

    /// Increments the counter until the site ends.
    async fn count(self, site: String, number: usize, report: mpsc::UnboundedSender<()>) {
        let address = format!("{site}/merging/{number}");
        loop {
            self.sent.fetch_add(1, Ordering::SeqCst);
            if post(&self.client, &address, &self.token).await.is_err() {
                return;
            }
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            // The receiver is dropped when there were enough writes.
            let _ = report.send(());
        }
    }

    async fn check(&self, site: &Site) {
        let race = Race::load(&self.client, &site.at("/merging"))
            .await
            .unwrap();
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let sent = self.sent.load(Ordering::SeqCst);
        assert!(acknowledged > 0);
        assert!(
            (acknowledged..=sent).contains(&race.count),
            "{acknowledged} of {sent} increments were acknowledged, and {} are stored",
            race.count
        );
    }
}

/// A session in which concurrent requests set different keys.
struct KeySession {
    client: Client,
    acknowledged: BTreeSet<usize>,
}

impl KeySession {
    async fn check(&self, site: &Site) {
        let race = Race::load(&self.client, &site.at("/merging"))
            .await
            .unwrap();
        assert!(
            race.kept.is_superset(&self.acknowledged),
            "{:?} were acknowledged, and {:?} are stored",
            self.acknowledged,
            race.kept
        );
    }
}

/// Begins sessions and sets several keys at a time in each, until the site ends.
async fn set_keys(site: String, report: mpsc::UnboundedSender<()>) -> Vec<KeySession> {
    let mut sessions = Vec::new();
    loop {
        let client = visitor();
        let Ok(race) = Race::load(&client, &format!("{site}/merging")).await else {
            return sessions;
        };
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (client, site, report) = (client.clone(), site.clone(), report.clone());
            let token = race.csrf_token.clone();
            writers.spawn(async move {
                let mut acknowledged = BTreeSet::new();
                for number in (writer..KEYS).step_by(WRITERS) {
                    let address = format!("{site}/merging/{number}");
                    if post(&client, &address, &token).await.is_err() {
                        break;
                    }
                    acknowledged.insert(number);
                    let _ = report.send(());
                }
                acknowledged
            });
        }
        let acknowledged = writers.join_all().await.into_iter().flatten().collect();
        sessions.push(KeySession {
            client,
            acknowledged,
        });
    }
}
