//! The targets, and whether they are met.

#[cfg(test)]
mod tests;

use std::fmt;

use super::{
    Results,
    goal::Goal,
    table::{Table, number, spread},
};
use crate::{
    results::{Contention, Contentions, Spread, Writes},
    subject::{Kind, Library, Subject},
};

/// A target.
struct Target {
    what: String,
    goal: Goal,
    /// `None` if it was not measured.
    measured: Option<Spread>,
    /// The result of another library in the same run.
    peer: Option<String>,
}

/// The maximum processor time of a request, divided by that of a server without sessions.
const RATIOS: &[(Subject, Kind, f64)] = &[
    (Subject::Memory, Kind::Read, 1.18),
    (Subject::Memory, Kind::Change, 1.35),
    (Subject::Cookie, Kind::Read, 1.2),
    (Subject::Cookie, Kind::Change, 1.45),
    (Subject::Redis, Kind::Read, 1.7),
    (Subject::Redis, Kind::Change, 2.4),
    (Subject::RedisNear, Kind::Read, 1.18),
    (Subject::RedisLazy, Kind::Idle, 1.05),
    (Subject::Sqlite, Kind::Read, 2.0),
    (Subject::Sqlite, Kind::Change, 4.2),
    (Subject::Postgres, Kind::Read, 2.2),
    (Subject::Postgres, Kind::Change, 3.4),
    (Subject::MariaDb, Kind::Read, 4.0),
    (Subject::MariaDb, Kind::Change, 7.5),
];

/// The same with the most sessions.
const LARGE_RATIOS: &[(Subject, Kind, f64)] = &[
    (Subject::Sqlite, Kind::Read, 2.4),
    (Subject::Sqlite, Kind::Change, 5.5),
];

/// The maximum processor time with the most sessions, divided by that with the fewest.
const GROWTHS: &[(Subject, f64)] = &[(Subject::Memory, 1.2), (Subject::Redis, 1.05)];

/// The maximum size of a session in memory, in bytes, if there are many.
const BYTES_IN_MEMORY: f64 = 450.0;

/// The minimum throughput of this many writers of one session in Redis, divided by that of
/// actix-session.
const THROUGHPUTS: &[(usize, f64)] = &[(1, 0.95), (10, 0.8), (100, 1.0)];

/// The minimum throughput of many writers in a database, divided by that of one writer.
const GAIN: f64 = 5.0;

/// The maximum latency of the slowest requests while expired sessions are deleted, divided by that
/// before.
const SLOWDOWN: f64 = 2.0;

/// The maximum cost of a subject, if there is a target for it.
pub(super) fn ratio(subject: Subject, kind: Kind) -> Option<f64> {
    let target = RATIOS.iter().find(|it| (it.0, it.1) == (subject, kind));
    target.map(|target| target.2)
}

/// Every target, the measured value, and whether the target is met.
pub(super) fn table(results: &Results) -> Table {
    let mut table = Table::new(["target", "goal", "measured", "peer in the same run", "met"]);
    for target in all(results) {
        let verdict = target.measured.map(|measured| target.goal.judge(measured));
        table.row([
            target.what,
            target.goal.to_string(),
            spread(target.measured),
            target.peer.unwrap_or_else(|| number(None)),
            verdict.map_or("not measured".to_owned(), |it| it.to_string()),
        ]);
    }
    table
}

fn all(results: &Results) -> Vec<Target> {
    let mut targets = ratios(results);
    targets.extend(sizes(results));
    targets.extend(throughputs(results));
    targets.extend(gains(results));
    targets.extend(kept(results));
    targets.extend(scale(results));
    targets.extend(slowdowns(results));
    targets.push(Target {
        what: "an ended session in a near cache is served by a server that receives no invalidations, times its bound"
            .to_owned(),
        // The observer may be interrupted between two requests.
        goal: Goal::AtMost(1.05),
        measured: results
            .revocation
            .as_ref()
            .map(|measured| Spread::single(measured.longest_deaf_us / measured.bound_us)),
        peer: None,
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

fn ratios(results: &Results) -> Vec<Target> {
    let requests = results.requests.as_ref();
    let ratio = |&(subject, kind, most): &(Subject, Kind, f64)| Target {
        what: format!("{}: {}", subject.label(), what(kind)),
        goal: Goal::AtMost(most),
        measured: requests.and_then(|it| it.ratio(subject, kind)),
        peer: requests
            .and_then(|it| it.best_peer(subject, kind))
            .map(|(peer, ratio)| of_peer(peer, spread(ratio))),
    };
    let mut targets: Vec<_> = RATIOS.iter().map(ratio).collect();
    let idle = requests.and_then(|it| it.cost(Subject::RedisLazy, Kind::Idle));
    targets.push(Target {
        what: format!(
            "{}: {}, round trips",
            Subject::RedisLazy.label(),
            what(Kind::Idle)
        ),
        goal: Goal::AtMost(0.0),
        measured: idle.and_then(|cost| cost.round_trips).map(Spread::single),
        peer: None,
    });
    targets
}

fn of_peer(peer: Subject, figure: impl fmt::Display) -> String {
    format!("{}: {figure}", peer.label())
}

/// A session in the cookie costs no more than with actix-session, whatever its size.
fn sizes(results: &Results) -> Vec<Target> {
    let (ours, theirs) = (Subject::Cookie, Subject::ActixCookie);
    let Some(sizes) = &results.sizes else {
        return vec![Target {
            what: format!("{}, times {}", ours.label(), theirs.label()),
            goal: Goal::AtMost(1.0),
            measured: None,
            peer: None,
        }];
    };
    let mut targets = Vec::new();
    for bytes in sizes.bytes() {
        for kind in [Kind::Read, Kind::Change] {
            let their_ratio = sizes
                .cost(theirs, kind, bytes)
                .and_then(|cost| cost.rounds.ratio());
            targets.push(Target {
                what: format!(
                    "{}, {bytes} bytes: {}, times {}",
                    ours.label(),
                    what(kind),
                    theirs.label()
                ),
                goal: Goal::AtMost(1.0),
                measured: sizes.ratio_to(ours, kind, bytes, theirs),
                peer: their_ratio.map(|ratio| format!("{}, times the bare server", spread(ratio))),
            });
        }
    }
    targets
}

/// Many writers of one session in Redis, compared with actix-session.
fn throughputs(results: &Results) -> Vec<Target> {
    let (ours, theirs) = (Subject::Redis, Subject::ActixRedis);
    let contentions = results.contentions.as_ref();
    let pair = |writers| {
        let find = |subject| Contention::find(&contentions?.contentions, subject, writers);
        find(ours).zip(find(theirs))
    };
    let mut targets: Vec<_> = THROUGHPUTS
        .iter()
        .map(|&(writers, least)| Target {
            what: format!(
                "{}, {writers} {} of one session: writes a second, times {}",
                ours.label(),
                if writers == 1 { "writer" } else { "writers" },
                theirs.label()
            ),
            goal: Goal::AtLeast(least),
            measured: pair(writers)
                .and_then(|(ours, theirs)| ours.ratio_to(theirs, |writes| writes.throughput)),
            peer: pair(writers).map(|(_, theirs)| format!("{}/s", spread(theirs.throughput()))),
        })
        .collect();
    let writers = 100;
    targets.push(Target {
        what: format!(
            "{}, {writers} writers of one session: p99, times {}",
            ours.label(),
            theirs.label()
        ),
        goal: Goal::AtMost(1.0),
        measured: pair(writers)
            .and_then(|(ours, theirs)| ours.ratio_to(theirs, |writes| writes.p99_us)),
        peer: pair(writers).map(|(_, theirs)| format!("{} µs", spread(theirs.p99_us()))),
    });
    targets
}

/// Many writers of one session in a database, compared with one.
fn gains(results: &Results) -> Vec<Target> {
    let gain = |subject: Subject, writers| {
        let contentions: &Contentions = results.contentions.as_ref()?;
        let find = |writers| Contention::find(&contentions.contentions, subject, writers);
        find(writers)?.ratio_to(find(1)?, |writes: &Writes| writes.throughput)
    };
    let mut targets = Vec::new();
    for subject in [Subject::Sqlite, Subject::Postgres, Subject::MariaDb] {
        for writers in [10, 100] {
            targets.push(Target {
                what: format!(
                    "{}, {writers} writers of one session: writes a second, times one writer",
                    subject.label()
                ),
                goal: Goal::AtLeast(GAIN),
                measured: gain(subject, writers),
                peer: None,
            });
        }
    }
    targets
}

/// Our own writes that were lost and that were refused, near the store and far from it.
fn kept(results: &Results) -> [Target; 2] {
    let near = results.contentions.iter().flat_map(|it| &it.contentions);
    let far = results.latencies.iter().flat_map(|it| &it.contentions);
    let ours: Vec<_> = near
        .chain(far)
        .filter(|it| it.subject.library() == Library::Sessile)
        .collect();
    let none_are = |what: &str, number: fn(&Contention) -> u64| Target {
        what: format!("{what} writes, sessile with any store"),
        goal: Goal::AtMost(0.0),
        measured: sum(ours.iter().map(|&it| number(it))).map(Spread::single),
        peer: None,
    };
    [
        none_are("lost", Contention::lost),
        none_are("refused", Contention::refused),
    ]
}

/// Nothing if there are no numbers.
#[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
fn sum(numbers: impl Iterator<Item = u64>) -> Option<f64> {
    numbers
        .map(|number| number as f64)
        .reduce(|sum, it| sum + it)
}

fn scale(results: &Results) -> Vec<Target> {
    let scales = results.scales.as_ref();
    let most = |subject| {
        let sessions = scales
            .and_then(|it| it.largest(subject))
            .map_or(1_000_000, |it| it.sessions);
        format!("{sessions} sessions")
    };
    let mut targets = Vec::new();
    for &(subject, at_most) in GROWTHS {
        for kind in [Kind::Read, Kind::Change] {
            targets.push(Target {
                what: format!(
                    "{} with {}: {}, times 1000 sessions",
                    subject.label(),
                    most(subject),
                    what(kind)
                ),
                goal: Goal::AtMost(at_most),
                measured: scales.and_then(|it| it.growth(subject, kind)),
                peer: None,
            });
        }
    }
    let memory = Subject::Memory;
    targets.push(Target {
        what: format!("{} with {}: bytes for each", memory.label(), most(memory)),
        goal: Goal::AtMost(BYTES_IN_MEMORY),
        measured: scales
            .and_then(|it| it.largest(memory))
            .map(|it| Spread::single(it.bytes_per_session)),
        peer: None,
    });
    for &(subject, kind, at_most) in LARGE_RATIOS {
        targets.push(Target {
            what: format!("{} with {}: {}", subject.label(), most(subject), what(kind)),
            goal: Goal::AtMost(at_most),
            measured: scales.and_then(|it| it.largest(subject)?.rounds(kind).ratio()),
            peer: None,
        });
    }
    targets
}

fn slowdowns(results: &Results) -> Vec<Target> {
    let Some(cleanups) = &results.cleanups else {
        return vec![Target {
            what: "p99 during a cleanup, times that before".to_owned(),
            goal: Goal::AtMost(SLOWDOWN),
            measured: None,
            peer: None,
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
            goal: Goal::AtMost(SLOWDOWN),
            measured: Some(Spread::single(cleanup.slowdown())),
            peer: None,
        })
        .collect()
}
