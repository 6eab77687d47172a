//! What is to be reached, and whether it was.

use super::{
    Results,
    table::{Table, number},
};
use crate::{
    results::{Requests, Scale},
    subject::{Kind, Library, Subject},
};

/// Something to be reached.
struct Target {
    what: String,
    at_most: f64,
    /// Nothing if it was not measured.
    measured: Option<f64>,
}

impl Target {
    fn is_met(&self) -> Option<bool> {
        self.measured.map(|measured| measured <= self.at_most)
    }
}

/// The most that the processor time of a request may be, divided by that of a server without sessions.
const RATIOS: &[(Subject, Kind, f64)] = &[
    (Subject::RedisNear, Kind::Read, 1.25),
    (Subject::Redis, Kind::Read, 1.9),
    (Subject::RedisNear, Kind::Change, 2.6),
    (Subject::Redis, Kind::Change, 2.6),
    (Subject::Cookie, Kind::Read, 1.25),
    (Subject::Cookie, Kind::Change, 1.6),
    (Subject::Memory, Kind::Read, 1.2),
    (Subject::Memory, Kind::Change, 1.5),
    (Subject::RedisLazy, Kind::Idle, 1.1),
];

/// The most by which a request may cost more when there are a thousand times as many sessions.
const GROWTH: f64 = 0.1;

/// The most times that the slowest requests may take while expired sessions are deleted.
const SLOWDOWN: f64 = 2.0;

/// What a subject may cost at most, if there is a target for it.
pub(super) fn ratio(subject: Subject, kind: Kind) -> Option<f64> {
    let target = RATIOS.iter().find(|it| (it.0, it.1) == (subject, kind));
    target.map(|target| target.2)
}

/// Every target, what was measured, and whether that is good enough.
pub(super) fn table(results: &Results) -> Table {
    let mut table = Table::new(["target", "at most", "measured", "met"]);
    for target in all(results) {
        let met = match target.is_met() {
            None => "not measured",
            Some(true) => "yes",
            Some(false) => "**no**",
        };
        let (at_most, measured) = (number(target.at_most), number(target.measured));
        table.row([target.what, at_most, measured, met.to_owned()]);
    }
    table
}

fn all(results: &Results) -> Vec<Target> {
    let mut targets: Vec<_> = RATIOS
        .iter()
        .map(|&(subject, kind, at_most)| Target {
            what: format!("{}: {}", subject.label(), what(kind)),
            at_most,
            measured: measured_ratio(results.requests.as_ref(), subject, kind),
        })
        .collect();
    targets.push(Target {
        what: format!(
            "{}: {}, round trips",
            Subject::RedisLazy.label(),
            what(Kind::Idle)
        ),
        at_most: 0.0,
        measured: idle_round_trips(results),
    });
    targets.extend(growths(results));
    targets.push(Target {
        what: "lost writes, sessile with any store".to_owned(),
        at_most: 0.0,
        measured: lost(results),
    });
    targets.extend(slowdowns(results));
    targets.push(Target {
        what: "an ended session in a near cache is served by a deaf server, times its bound"
            .to_owned(),
        // The observer may be interrupted between two requests.
        at_most: 1.05,
        measured: results
            .revocation
            .as_ref()
            .map(|measured| measured.longest_deaf_us / measured.bound_us),
    });
    targets
}

fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Read => "reads a session",
        Kind::Change => "changes a session",
        Kind::Idle => "has a session and touches nothing",
        Kind::None => "has none",
        Kind::Create => "begins a session",
    }
}

fn idle_round_trips(results: &Results) -> Option<f64> {
    let requests = results.requests.as_ref()?;
    requests.cost(Subject::RedisLazy, Kind::Idle)?.round_trips
}

fn measured_ratio(requests: Option<&Requests>, subject: Subject, kind: Kind) -> Option<f64> {
    requests?.ratio(subject, kind)
}

fn growths(results: &Results) -> Vec<Target> {
    let Some(scales) = &results.scales else {
        return vec![Target {
            what: "a request costs more with more sessions, by this part".to_owned(),
            at_most: GROWTH,
            measured: None,
        }];
    };
    let most = scales
        .scales
        .iter()
        .map(|scale: &Scale| scale.sessions)
        .max();
    let growth = |subject: Subject| Target {
        what: format!(
            "{}: a request costs more with {} sessions, by this part",
            subject.label(),
            most.unwrap_or(0)
        ),
        at_most: GROWTH,
        measured: scales.growth(subject),
    };
    scales.subjects().into_iter().map(growth).collect()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
fn lost(results: &Results) -> Option<f64> {
    let contentions = &results.contentions.as_ref()?.contentions;
    let ours = contentions
        .iter()
        .filter(|it| it.subject.library() == Library::Sessile);
    Some(ours.map(|contention| contention.lost() as f64).sum())
}

fn slowdowns(results: &Results) -> Vec<Target> {
    let Some(cleanups) = &results.cleanups else {
        return vec![Target {
            what: "p99 during a cleanup, times that before".to_owned(),
            at_most: SLOWDOWN,
            measured: None,
        }];
    };
    cleanups
        .cleanups
        .iter()
        .map(|cleanup| Target {
            what: format!(
                "{}: p99 while {} sessions are cleaned up, times that before",
                cleanup.subject.label(),
                cleanup.expired
            ),
            at_most: SLOWDOWN,
            measured: Some(cleanup.slowdown()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{About, Cleanup, Cleanups, Contention, Contentions};

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let text = table(&Results::default()).to_string();

        assert!(text.contains("| not measured |"), "{text}");
        assert!(!text.contains("yes") && !text.contains("**no**"), "{text}");
    }

    #[test]
    fn a_target_is_met_up_to_its_limit() {
        let cleanup = |p99_us_during| Results {
            cleanups: Some(Cleanups {
                about: About::default(),
                cleanups: vec![Cleanup {
                    subject: Subject::Sqlite,
                    expired: 1,
                    seconds: 1.0,
                    p99_us_before: 10.0,
                    p99_us_during,
                }],
            }),
            ..Results::default()
        };

        assert!(
            table(&cleanup(20.0))
                .to_string()
                .contains("| 2.00 | 2.00 | yes |")
        );
        assert!(
            table(&cleanup(21.0))
                .to_string()
                .contains("| 2.00 | 2.10 | **no** |")
        );
    }

    #[test]
    fn only_our_own_lost_writes_count() {
        let contention = |subject, survived| Contention {
            subject,
            writers: 10,
            acknowledged: 100,
            refused: 0,
            survived,
            conflicts: None,
            throughput: 1.0,
            p99_us: 1.0,
        };
        let results = |survived| Results {
            contentions: Some(Contentions {
                about: About::default(),
                contentions: vec![
                    contention(Subject::ActixRedis, 5),
                    contention(Subject::Redis, survived),
                ],
            }),
            ..Results::default()
        };

        assert_eq!(lost(&results(100)), Some(0.0));
        assert_eq!(lost(&results(99)), Some(1.0));
    }
}
