//! The recorder of metrics is code of the application: no lock is held while it runs.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use super::{subjects::signed_in, *};
use crate::storage::{IterableStore as _, SessionLimit, SignInWrite, SubjectStore as _};

/// A recorder that checks the locks of a store.
struct CheckingRecorder(Arc<CheckingGauge>);

struct CheckingGauge {
    store: MemorySessionStore,
    calls: AtomicU32,
}

impl GaugeFn for CheckingGauge {
    fn increment(&self, _: f64) {
        let Shared { shards, index, .. } = &*self.store.shared;
        assert!(index.try_lock().is_ok());
        assert!(shards.iter().all(|shard| shard.try_lock().is_ok()));
        self.calls.fetch_add(1, SeqCst);
    }

    fn decrement(&self, by: f64) {
        self.increment(by);
    }

    fn set(&self, value: f64) {
        self.increment(value);
    }
}

impl Recorder for CheckingRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::clone(&self.0))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn the_recorder_runs_without_the_locks_of_the_store() {
    let (store, clock) = single_shard_and_clock();
    let gauge = Arc::new(CheckingGauge {
        store: store.clone(),
        calls: AtomicU32::new(0),
    });
    let recorder = CheckingRecorder(Arc::clone(&gauge));
    let _guard = metrics::set_default_local_recorder(&recorder);
    let was_called = || assert!(gauge.calls.swap(0, SeqCst) > 0);

    let (ferris, now) = (signed_in("ferris", "sid-1"), clock.now());
    let subject = ferris.subject().unwrap();
    let mut stored = store.created(&ferris, MINUTE).await;
    was_called();
    let mut larger = ferris.clone();
    larger.state.insert("more", "text").unwrap();
    store.updated(&mut stored, &larger, MINUTE).await;
    was_called();
    let limit = SessionLimit::new(1).unwrap();
    // It displaces the other session, which takes more memory.
    let (id, version) = (SessionId::generate(), Version::generate());
    let write = SignInWrite::create(&id, &ferris, version, MINUTE);
    store.sign_in(write, limit).await.unwrap();
    was_called();
    store.end_subject(&subject, now, None).await.unwrap();
    was_called();
    store.created(&record("guest"), MINUTE).await;
    was_called();
    store.end_everything(now).await.unwrap();
    was_called();
    store.created(&record("guest"), MINUTE).await;
    was_called();
    store.clear().await.unwrap();
    was_called();
}
