//! Each metric goes through a real recorder, and the guide lists exactly these.

use std::{collections::BTreeSet, io};

use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder},
};

use super::*;

/// Kind, name, labels with their values, and description of everything that was recorded.
type Recorded = BTreeSet<(&'static str, String, Vec<(String, String)>, String)>;

fn recorded(record: impl FnOnce()) -> (Recorded, Vec<DebugValue>) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    ::metrics::with_local_recorder(&recorder, || {
        describe();
        record();
    });
    let snapshot = snapshotter.snapshot().into_vec();
    let (mut recorded, mut values) = (Recorded::new(), Vec::new());
    for (composite, _, description, value) in snapshot {
        let kind = match composite.kind() {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let key = composite.key();
        let label = |it: &::metrics::Label| (it.key().to_owned(), it.value().to_owned());
        recorded.insert((
            kind,
            key.name().to_owned(),
            key.labels().map(label).collect(),
            description.expect("it is described").to_string(),
        ));
        values.push(value);
    }
    (recorded, values)
}

#[test]
fn each_event_is_recorded_with_its_labels() {
    let error = io::Error::other("an error");
    let (recorded, values) = recorded(|| {
        cookie_rejected(RejectReason::TooLong);
        cookie_sent(CookieCause::Reissued);
        cookies_ambiguous(true);
        session_not_found(NotFoundReason::Expired);
        changes_dropped(DropReason::Ended);
        conflict();
        sign_in_refused(Refusal::LimitReached);
        sessions_ended(MarkScope::Everyone);
        record_corrupt(&error);
        request_failed(Step::Open, &error, false);
        #[cfg(feature = "actix")]
        csrf_refused(&error);
    });
    let of = |name: &str| {
        let mut found = recorded.iter().filter(|it| it.1 == name);
        let (kind, _, labels, _) = found.next().expect(name);
        assert_eq!((*kind, found.next()), ("counter", None));
        let labels = labels.iter().map(|(name, value)| format!("{name}={value}"));
        labels.collect::<Vec<_>>().join(",")
    };
    for (name, labels) in [
        ("sessile_cookies_rejected_total", "reason=too_long"),
        ("sessile_cookies_sent_total", "cause=reissued"),
        ("sessile_cookies_ambiguous_total", ""),
        ("sessile_sessions_not_found_total", "reason=expired"),
        ("sessile_changes_dropped_total", "reason=ended"),
        ("sessile_conflicts_total", ""),
        ("sessile_sign_ins_refused_total", "reason=limit_reached"),
        ("sessile_marks_total", "scope=everyone"),
        ("sessile_records_corrupt_total", ""),
        ("sessile_failures_total", "step=open"),
        #[cfg(feature = "actix")]
        ("sessile_csrf_refused_total", ""),
    ] {
        assert_eq!(of(name), labels, "{name}");
    }
    assert!(values.iter().all(|it| *it == DebugValue::Counter(1)));
    assert_eq!(values.len(), if cfg!(feature = "actix") { 11 } else { 10 });
}

#[test]
fn a_pair_of_labels_has_a_time_series_for_each_combination() {
    let (recorded, _) = recorded(|| {
        let begun = Instant::now();
        store_operation(Operation::Load, Outcome::TimedOut, begun);
        store_operation(Operation::EndEverything, Outcome::Ok, begun);
        store_operation(Operation::EndEverything, Outcome::Ok, begun);
    });
    let labels: Vec<_> = recorded.iter().map(|it| it.2.clone()).collect();
    let pair = |operation: &str, outcome: &str| {
        vec![
            ("operation".to_owned(), operation.to_owned()),
            ("outcome".to_owned(), outcome.to_owned()),
        ]
    };
    assert_eq!(
        labels,
        [pair("end_everything", "ok"), pair("load", "timed_out")]
    );
}

/// The rows of the table in the guide: kind, name, and labels.
fn guide() -> BTreeSet<(String, String, Vec<String>)> {
    let page = include_str!("../guide/logs_and_metrics.rs");
    let rows = page.lines().filter_map(|line| {
        let row = line.strip_prefix("//! | `sessile_")?;
        let cells: Vec<_> = row.split(" | ").collect();
        let labels = cells[2].split(", ").filter(|it| !it.is_empty());
        let labels = labels.map(|it| it.trim_matches('`').to_owned());
        Some((
            cells[1].to_owned(),
            format!("sessile_{}", cells[0].trim_matches('`')),
            labels.collect(),
        ))
    });
    rows.collect()
}

#[test]
fn the_guide_lists_each_metric_with_its_kind_and_labels() {
    let metrics = super::metrics::list().into_iter();
    let metrics = metrics.map(|(kind, name, labels)| {
        // Prometheus and OpenTelemetry know a metric by these endings.
        assert_eq!(name.ends_with("_total"), kind == "Counter", "{name}");
        (kind.to_lowercase(), name.to_owned(), labels)
    });
    assert_eq!(guide(), metrics.collect());
}
