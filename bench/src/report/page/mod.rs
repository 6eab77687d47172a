//! The page.

mod costs;
mod events;
mod writers;

use std::fmt::Write as _;

use super::{
    Results,
    table::{Table, number},
    targets,
};
use crate::results::{About, Requests};

const HEAD: &str = "\
# Benchmarks

<!-- Written by `cargo xtask bench`. Changes made by hand are lost. -->

The cost of a request with sessions, for sessile and for other libraries. All servers have the same handlers and the same client.

![Processor time of a request, compared](benchmarks.svg)
";

const HOW: &str = "
## How it is measured

Each subject is a server process with one worker, alone on one core. The client shares the other core with Redis, if the subject uses it.
64 visitors have a session and a connection each. A visitor sends its next request when the last one was answered. The client checks every
response, and a wrong one ends the measurement. If the server refuses a request, the slice is measured again. A session has four values of
about a hundred bytes in total. Every library is configured as its documentation shows, and compiled with the same profile.

The client never sleeps. The kernel charges the sender of a response for waking its reader, so a server that is slower than the client would
pay for that with every response. PostgreSQL and MariaDB do not wait for the disk here, and Redis writes nothing to it.

The machine may be twice as slow in one second as in the next. So in each round, a short slice of a subject follows a slice of its *bare
server*: the same framework without a session layer, which does nothing for the same request. The ratio of a round is the processor time of
a request in the first slice, divided by that in the second. Subjects that are compared with each other are neighbors in a round, and their
ratio is also computed for each round. Every second round has the reverse order. *Processor time* is the user and system time of the server
process.

A figure that was measured in rounds is the median of the rounds. The quartiles are in parentheses: a quarter of the rounds is below the
first, and a quarter above the second. The ratio of a bare server to itself shows how much of a spread is noise. A goal is met if the median
reaches it, and met *within the spread* if only the better quartile does.

`cargo xtask bench` measures all this and writes this page. `cargo xtask bench --quick` takes less than three minutes.
`cargo xtask bench --help` lists the options.
";

pub(super) fn render(results: &Results) -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "Targets", &targets::table(results).to_string());
    if let Some(requests) = &results.requests {
        costs::processor(&mut page, requests);
        costs::latency(&mut page, requests);
        costs::footprint(&mut page, requests);
    }
    if let Some(scales) = &results.scales {
        costs::scale(&mut page, scales);
    }
    if let Some(contentions) = &results.contentions {
        writers::contention(&mut page, contentions);
    }
    if let Some(latencies) = &results.latencies {
        writers::distant(&mut page, latencies);
    }
    if let Some(measured) = &results.sizes {
        costs::sizes(&mut page, measured);
    }
    if let Some(cleanups) = &results.cleanups {
        events::cleanup(&mut page, cleanups);
    }
    if let Some(measured) = &results.revocation {
        events::revocation(&mut page, measured);
    }
    page += HOW;
    page += &about(results);
    page
}

fn section(page: &mut String, title: &str, content: &str) {
    let _ = write!(page, "\n## {title}\n\n{content}");
}

fn about(results: &Results) -> String {
    let mut text = String::new();
    let parts = [
        ("requests", results.requests.as_ref().map(|it| &it.about)),
        ("scale", results.scales.as_ref().map(|it| &it.about)),
        (
            "contention",
            results.contentions.as_ref().map(|it| &it.about),
        ),
        ("latency", results.latencies.as_ref().map(|it| &it.about)),
        ("sizes", results.sizes.as_ref().map(|it| &it.about)),
        ("cleanup", results.cleanups.as_ref().map(|it| &it.about)),
        (
            "revocation",
            results.revocation.as_ref().map(|it| &it.about),
        ),
    ];
    let mut table = Table::new(["part", "rounds", "seconds", "date", "command"]);
    for (name, about) in parts {
        let Some(About {
            schedule,
            date,
            command,
            ..
        }) = about
        else {
            continue;
        };
        table.row([
            name.to_owned(),
            schedule.map_or_else(|| number(None), |it| it.rounds.to_string()),
            schedule.map_or_else(|| number(None), |it| it.seconds.to_string()),
            date.clone(),
            format!("`{}`", command.trim()),
        ]);
    }
    let _ = write!(text, "\n{table}");
    if let Some(Requests { about, .. }) = &results.requests {
        let _ = writeln!(
            text,
            "\nMachine: {}, {} cores, Linux {}.",
            about.processor, about.cores, about.kernel
        );
        let versions: Vec<_> = about
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        let _ = writeln!(text, "Versions: {}.", versions.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        results::{Contention, Contentions, Counted, Rounds, SizeCost, Sizes, Writes},
        subject::{Kind, Subject},
    };

    #[test]
    fn a_page_without_results_has_its_targets_and_says_how() {
        let page = render(&Results::default());

        assert!(page.contains("\n## Targets\n\n| target |"), "{page}");
        assert!(page.contains("\n## How it is measured\n"), "{page}");
        assert!(!page.contains("## Many sessions"), "{page}");
    }

    #[test]
    fn a_row_has_the_updates_of_a_write_and_the_spread_of_the_rounds() {
        let writes = |throughput| Writes {
            acknowledged: 100,
            refused: 0,
            survived: 100,
            counted: Some(Counted {
                updates: 25,
                conflicts: 3,
            }),
            throughput,
            p99_us: 50.0,
        };
        let results = Results {
            contentions: Some(Contentions {
                about: About::default(),
                contentions: vec![Contention {
                    subject: Subject::Redis,
                    writers: 10,
                    rounds: vec![writes(100.0), writes(200.0)],
                }],
            }),
            ..Results::default()
        };

        let page = render(&results);

        let row = "| sessile, Redis | 10 | 200 | 0 | 0 | 6 | 0.25 | 150 (125–175) | 50.0 |\n";
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn a_size_of_a_cookie_is_compared_directly_and_with_the_bare_server() {
        let cost = |subject, processor_us| SizeCost {
            subject,
            kind: Kind::Read,
            bytes: 64,
            cookie_bytes: 200,
            rounds: Rounds::of(&[(10.0, processor_us)]),
        };
        let results = Results {
            sizes: Some(Sizes {
                about: About::default(),
                costs: vec![
                    cost(Subject::Cookie, 12.0),
                    cost(Subject::ActixCookie, 16.0),
                ],
            }),
            ..Results::default()
        };

        let page = render(&results);

        let row = "| reads | 64 | 200 | 200 | 1.20, 12.0 µs | 1.60, 16.0 µs | 0.75 |\n";
        assert!(page.contains(row), "{page}");
    }
}
