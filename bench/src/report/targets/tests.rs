use super::*;
use crate::results::{About, Cost, Latencies, Requests, Rounds};

#[test]
fn what_was_not_measured_is_neither_met_nor_missed() {
    let text = table(&Results::default()).to_string();

    assert!(text.contains("| not measured |"), "{text}");
    for verdict in ["| yes |", "| within the spread |", "| **no** |"] {
        assert!(!text.contains(verdict), "{text}");
    }
}

#[test]
fn a_row_has_the_peer_of_the_same_run() {
    let cost = |subject, processor_us| Cost {
        subject,
        kind: Kind::Read,
        rounds: Rounds::of(&[(10.0, processor_us)]),
        round_trips: None,
    };
    let results = Results {
        requests: Some(Requests {
            about: About::default(),
            costs: vec![
                cost(Subject::Memory, 11.0),
                cost(Subject::TowerMemory, 12.0),
            ],
            footprints: Vec::new(),
        }),
        ..Results::default()
    };

    let text = table(&results).to_string();

    let row = "| sessile, memory: reads a session | ≤ 1.18 | 1.10 \
               | tower-sessions, memory: 1.20 | yes |\n";
    assert!(text.contains(row), "{text}");
}

fn contention(subject: Subject, writers: usize, throughput: f64, survived: u64) -> Contention {
    Contention {
        subject,
        writers,
        rounds: vec![Writes {
            acknowledged: 100,
            refused: 0,
            survived,
            counted: None,
            throughput,
            p99_us: 1.0,
        }],
    }
}

fn contended(contentions: Vec<Contention>) -> Results {
    Results {
        contentions: Some(Contentions {
            about: About::default(),
            contentions,
        }),
        ..Results::default()
    }
}

#[test]
fn writers_are_compared_with_their_peer_s_and_with_a_single_one() {
    let text = table(&contended(vec![
        contention(Subject::Redis, 10, 90.0, 100),
        contention(Subject::ActixRedis, 10, 100.0, 3),
        contention(Subject::Sqlite, 1, 10.0, 100),
        contention(Subject::Sqlite, 10, 40.0, 100),
    ]))
    .to_string();

    for row in [
        "| sessile, Redis, 10 writers of one session: writes a second, times \
         actix-session, Redis | ≥ 0.80 | 0.90 | 100/s | yes |\n",
        "| sessile, SQLite, 10 writers of one session: writes a second, times one writer \
         | ≥ 5.00 | 4.00 | – | **no** |\n",
    ] {
        assert!(text.contains(row), "{text}");
    }
}

#[test]
fn only_our_own_lost_writes_count() {
    let lost = |near, far| {
        let mut results = contended(vec![
            contention(Subject::ActixRedis, 10, 1.0, 5),
            contention(Subject::Redis, 10, 1.0, near),
        ]);
        results.latencies = Some(Latencies {
            about: About::default(),
            round_trip_us: 1.0,
            visits: Vec::new(),
            contentions: vec![contention(Subject::Redis, 10, 1.0, far)],
        });
        let [lost, refused] = kept(&results);
        assert_eq!(refused.measured, Some(Spread::single(0.0)));
        lost.measured
    };

    assert_eq!(lost(100, 100), Some(Spread::single(0.0)));
    assert_eq!(lost(99, 98), Some(Spread::single(3.0)));
}
