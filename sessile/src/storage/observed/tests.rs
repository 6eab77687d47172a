//! Outages are logged once. The clock is stopped.

use std::{
    io::Write,
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering::SeqCst},
};

use tokio::time::{advance, timeout};
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{CreateOutcome, Freshness, MemorySessionStore, SessionId, StoreErrorKind, Version},
};

const SECOND: Duration = Duration::from_secs(1);

/// A real store that can't be written to while `is_down` is set, and does not answer while `hangs` is set.
#[derive(Default)]
struct Unreliable {
    store: MemorySessionStore,
    is_down: AtomicBool,
    hangs: AtomicBool,
    kind: Mutex<Option<StoreErrorKind>>,
}

impl StoreWrapper for Unreliable {
    type Inner = MemorySessionStore;

    fn inner(&self) -> &MemorySessionStore {
        &self.store
    }

    async fn around<T: Answer>(
        &self,
        operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let is_write = Access::from(operation) == Access::Write;
        if is_write && self.hangs.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        if is_write && self.is_down.load(SeqCst) {
            let kind = self
                .kind
                .lock()
                .unwrap()
                .unwrap_or(StoreErrorKind::Unavailable);
            return Err(StoreError::new(kind, "connection refused"));
        }
        future.await
    }
}

/// What this thread logs until it is dropped.
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

impl Log {
    fn start() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink(Arc::clone(&text));
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(Mutex::new(sink));
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber.finish()),
        }
    }

    /// The lines since the last call.
    fn take(&self) -> Vec<String> {
        let text = std::mem::take(&mut *self.text.lock().unwrap());
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|it| it.trim_start().to_owned()).collect()
    }
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn load(store: &Observed<Unreliable>) {
    let id = SessionId::generate();
    let loading = store.load(&id, None, Freshness::Current);
    assert_eq!(loading.await.unwrap(), None);
}

async fn create(store: &Observed<Unreliable>) -> Result<CreateOutcome, StoreError> {
    let record = Record::new(SystemClock.now());
    let (id, version) = (SessionId::generate(), Version::generate());
    store.create(&id, &record, version, SECOND).await
}

const BEGAN: &str = "ERROR the session store fails: until it works again, failures are counted and not logged \
    access=\"write\" error=\"the session store is not available: connection refused\"";

#[tokio::test(start_paused = true)]
async fn an_outage_is_logged_when_it_begins_and_when_it_ends() {
    let (store, log) = (
        Observed::new(Unreliable::default(), 4 * SECOND),
        Log::start(),
    );
    create(&store).await.unwrap();
    for round in 0..2 {
        assert!(!store.is_failing() && log.take().is_empty(), "{round}");
        store.is_down.store(true, SeqCst);
        for _ in 0..100 {
            create(&store).await.unwrap_err();
            // Reads work, and end no outage of writes.
            load(&store).await;
        }
        assert!(store.is_failing());
        assert_eq!(log.take(), [BEGAN]);

        advance(90 * SECOND).await;
        create(&store).await.unwrap_err();
        store.is_down.store(false, SeqCst);
        advance(SECOND).await;
        for _ in 0..10 {
            create(&store).await.unwrap();
        }
        assert_eq!(
            log.take(),
            ["INFO the session store works again access=\"write\" seconds=91.0 failed=101"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_now_and_then_is_logged_once() {
    let (store, log) = (
        Observed::new(Unreliable::default(), 4 * SECOND),
        Log::start(),
    );
    for _ in 0..100 {
        store.is_down.store(true, SeqCst);
        create(&store).await.unwrap_err();
        store.is_down.store(false, SeqCst);
        create(&store).await.unwrap();
        advance(SECOND / 2).await;
        create(&store).await.unwrap();
    }
    assert_eq!(log.take(), [BEGAN]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_fails_and_a_client_that_leaves_is_no_failure() {
    let (store, log) = (
        Observed::new(Unreliable::default(), 4 * SECOND),
        Log::start(),
    );
    store.hangs.store(true, SeqCst);
    timeout(SECOND, create(&store)).await.unwrap_err();
    assert!(!store.is_failing() && log.take().is_empty());
    for _ in 0..3 {
        timeout(2 * SECOND, create(&store)).await.unwrap_err();
    }
    let lines = log.take();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        line.ends_with("error=\"the session store did not answer within 2s\""),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_or_stored_is_no_outage() {
    let (store, log) = (Observed::new(Unreliable::default(), SECOND), Log::start());
    for kind in [
        StoreErrorKind::Corrupt,
        StoreErrorKind::Newer,
        StoreErrorKind::TooLarge,
    ] {
        *store.kind.lock().unwrap() = Some(kind);
        store.is_down.store(true, SeqCst);
        create(&store).await.unwrap_err();
    }
    assert!(!store.is_failing() && log.take().is_empty());
}

#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn each_operation_is_recorded_with_its_outcome() {
    use metrics_util::debugging::DebuggingRecorder;

    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let store = Observed::new(Unreliable::default(), 4 * SECOND);
    load(&store).await;
    create(&store).await.unwrap();
    store.is_down.store(true, SeqCst);
    create(&store).await.unwrap_err();
    store.hangs.store(true, SeqCst);
    timeout(SECOND, create(&store)).await.unwrap_err();
    timeout(3 * SECOND, create(&store)).await.unwrap_err();
    let mut recorded: Vec<_> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .filter(|(key, ..)| key.key().name() == "sessile_store_operation_duration_seconds")
        .map(|(key, _, _, value)| {
            let key = key.key();
            let labels: Vec<_> = key.labels().map(metrics::Label::value).collect();
            format!("{} {value:?}", labels.join(" "))
        })
        .collect();
    recorded.sort();
    assert_eq!(
        recorded,
        [
            "create cancelled Histogram([1.0])",
            "create ok Histogram([0.0])",
            "create timed_out Histogram([3.0])",
            "create unavailable Histogram([0.0])",
            "load missing Histogram([0.0])",
        ]
    );
}
