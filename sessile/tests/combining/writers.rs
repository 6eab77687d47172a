//! Writers of one session. Each counts its own commits and knows which of them have to be in the session.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use sessile::{
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::SessionStore,
};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::unreliable::Unreliable;

type Manager<S> = SessionManager<Arc<Unreliable<S>>>;

/// The number of concurrent writers of each server, which has one worker.
const SERVERS: usize = 2;
const WRITERS: usize = 16;

/// The outcomes of the commits.
pub(crate) struct Outcome {
    pub(crate) acknowledged: u64,
    pub(crate) failed: u64,
    /// The client disconnected before the response.
    pub(crate) left: u64,
    /// The updates that reached the store.
    pub(crate) updates: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acknowledged,
            failed,
            left,
            updates,
        } = self;
        write!(
            f,
            "{acknowledged} commits acknowledged, {failed} failed, {left} left, {updates} updates"
        )
    }
}

#[derive(Default)]
struct Counts {
    acknowledged: AtomicU64,
    failed: AtomicU64,
    left: AtomicU64,
}

impl Counts {
    fn total(&self) -> u64 {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        load(&self.acknowledged) + load(&self.failed) + load(&self.left)
    }
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// Makes this many commits of one session, and checks that each acknowledged one was applied once, and no other one
/// twice.
pub(crate) fn run<S: SessionStore>(store: S, commits: u64) -> Outcome {
    let store = Arc::new(Unreliable::new(store));
    let key = SealingKey::generate();
    let manager = || {
        let settings = Settings::default();
        SessionManager::new(Arc::clone(&store), key.clone(), settings).unwrap()
    };
    let servers: Vec<Manager<S>> = (0..SERVERS).map(|_| manager()).collect();
    let runtime = runtime();
    let cookie = runtime.block_on(created(&servers[0]));
    let counts = Arc::new(Counts::default());
    let mut workers = Vec::new();
    for (server, manager) in servers.iter().enumerate() {
        let (manager, cookie) = (manager.clone(), Arc::clone(&cookie));
        let counts = Arc::clone(&counts);
        workers.push(thread::spawn(move || {
            work(&manager, server, &cookie, &counts, commits);
        }));
    }
    for worker in workers {
        worker.join().unwrap();
    }
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Outcome {
        acknowledged: load(&counts.acknowledged),
        failed: load(&counts.failed),
        left: load(&counts.left),
        updates: load(&store.updates),
    }
}

/// The cookie of a new session. Its connection may be killed as well.
async fn created<S: SessionStore>(manager: &Manager<S>) -> Arc<str> {
    loop {
        let session = manager.open([]).await.unwrap();
        session.insert("created", true).unwrap();
        let committed = manager.commit(&session, &ResponseHead::to("POST")).await;
        if let Some(cookie) = committed.ok().and_then(|headers| headers.set_cookie) {
            return cookie.as_str().split(';').next().unwrap().into();
        }
    }
}

/// One worker: its writers commit until all of them together have made enough commits.
fn work<S: SessionStore>(
    manager: &Manager<S>,
    server: usize,
    cookie: &Arc<str>,
    counts: &Arc<Counts>,
    commits: u64,
) {
    runtime().block_on(async {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (manager, cookie) = (manager.clone(), Arc::clone(cookie));
            let counts = Arc::clone(counts);
            let mut writer = Writer {
                name: format!("{server}-{writer}"),
                at_least: 0,
                at_most: 0,
            };
            writers.spawn(async move {
                while counts.total() < commits {
                    writer.commit(&manager, &cookie, &counts).await;
                }
                writer.check(&manager, &cookie).await;
            });
        }
        writers.join_all().await;
    });
}

/// Increments a value of its own.
struct Writer {
    name: String,
    /// The number of acknowledged increments.
    at_least: u64,
    /// The same, plus the increments whose outcome is unknown.
    at_most: u64,
}

impl Writer {
    async fn commit<S: SessionStore>(
        &mut self,
        manager: &Manager<S>,
        cookie: &str,
        counts: &Counts,
    ) {
        let Ok(session) = manager.open([cookie.as_bytes()]).await else {
            return;
        };
        self.check_value(session.get(&self.name).unwrap());
        session.update_or(&self.name, 1, |n: u64| n + 1).unwrap();
        let head = ResponseHead::to("POST");
        let committing = manager.commit(&session, &head);
        self.at_most += 1;
        let leaves_after = match fastrand::u32(..50) {
            0 => Some(fastrand::u32(..20)),
            _ => None,
        };
        match answered(committing, leaves_after).await {
            Some(Ok(_)) => {
                self.at_least += 1;
                counts.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Some(Err(failure)) => {
                assert_eq!(failure.status(), 503, "{failure:?}");
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                counts.left.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn check_value(&self, value: Option<u64>) {
        let value = value.unwrap_or_default();
        let expected = self.at_least..=self.at_most;
        assert!(
            expected.contains(&value),
            "{}: {value} is not in {expected:?}",
            self.name
        );
    }

    /// Checks the final value.
    async fn check<S: SessionStore>(&self, manager: &Manager<S>, cookie: &str) {
        loop {
            if let Ok(session) = manager.open([cookie.as_bytes()]).await {
                return self.check_value(session.get(&self.name).unwrap());
            }
        }
    }
}

/// The output of `committing`. `None` if the client disconnects after this many polls.
async fn answered<T>(committing: impl Future<Output = T>, leaves_after: Option<u32>) -> Option<T> {
    let mut committing = std::pin::pin!(committing);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if leaves_after == Some(polls) {
            return std::task::Poll::Ready(None);
        }
        polls += 1;
        committing.as_mut().poll(cx).map(Some)
    })
    .await
}
