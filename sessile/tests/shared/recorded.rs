//! [`Recorded`]: the metrics that this thread records.

use std::{cell::RefCell, collections::BTreeMap};

use metrics::LocalRecorderGuard;
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};

/// Records the metrics of this thread until it is dropped.
pub(crate) struct Recorded {
    snapshotter: Snapshotter,
    values: RefCell<BTreeMap<String, (MetricKind, f64)>>,
    _guard: LocalRecorderGuard<'static>,
}

impl Recorded {
    pub(crate) fn start() -> Self {
        // The guard borrows it.
        let recorder = Box::leak(Box::new(DebuggingRecorder::new()));
        Self {
            snapshotter: recorder.snapshotter(),
            values: RefCell::default(),
            _guard: metrics::set_default_local_recorder(recorder),
        }
    }

    /// The metrics whose name begins with `prefix`, after `sessile_`: the value of each gauge; and of each counter and
    /// histogram the number of events since the last call that returned it, if there were any. One line each, such as
    /// `cookies_sent_total removed 1`, in order.
    pub(crate) fn take(&self, prefix: &str) -> Vec<String> {
        let mut values = self.values.borrow_mut();
        // Taking a snapshot sets all values to zero, also those of gauges.
        for (composite, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let (kind, key) = composite.into_parts();
            let labels: String = key.labels().map(|it| format!(" {}", it.value())).collect();
            let name = key.name().trim_start_matches("sessile_");
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(change) => change.0,
                DebugValue::Histogram(values) => values.len() as f64,
            };
            values
                .entry(name.to_owned() + &labels)
                .or_insert((kind, 0.0))
                .1 += value;
        }
        let mut lines = Vec::new();
        for (name, (kind, value)) in values.iter_mut() {
            let is_gauge = *kind == MetricKind::Gauge;
            if name.starts_with(prefix) && (is_gauge || *value > 0.0) {
                lines.push(format!("{name} {value}"));
                if !is_gauge {
                    *value = 0.0;
                }
            }
        }
        lines
    }
}
