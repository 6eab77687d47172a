//! The page.

use std::fmt::Write as _;

use super::{
    Results,
    table::{Table, number, thousands},
    targets,
};
use crate::{
    results::{About, Cleanups, Contentions, Requests, Revocation, Scales},
    subject::{Kind, Library, Subject},
};

const HEAD: &str = "\
# Benchmarks

<!-- Written by `cargo xtask bench`. Changes made by hand are lost. -->

What a request costs with sessions, ours and those of other libraries, behind the same handlers and asked by the same client.

![Processor time of a request, compared](benchmarks.svg)
";

const HOW: &str = "
## How it is measured

Each subject is a server process with one worker, alone on one core. The client, and Redis where there is one, share another. 64 visitors with
a session and a connection each send a request when their last one was answered, and check every answer: one that is wrong ends the measurement.
A session holds four values, about a hundred bytes. Every library is set up as its documentation shows, and compiled with the same profile.
The client never sleeps: the kernel charges the sender of an answer for waking its reader, and a server that is slower than the client would pay that
with every answer. PostgreSQL and MariaDB don't wait for the disk here, and Redis writes nothing to it.

The rounds go over all subjects in turn, so that whatever else the machine does meets all of them. *Processor time* is that of the server process, user
and system, in the round that a quarter of the rounds don't exceed. Throughput and latency are the median of the rounds. What is *divided by the bare server* is divided by
the processor time of the same request to the same framework without a session layer.

`cargo xtask bench` measures all this and writes this page; `cargo xtask bench --quick` takes a look in under three minutes; `cargo xtask bench --help` tells the rest.
";

pub(super) fn render(results: &Results) -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "Targets", &targets::table(results).to_string());
    if let Some(requests) = &results.requests {
        processor(&mut page, requests);
        latency(&mut page, requests);
        footprint(&mut page, requests);
    }
    if let Some(scales) = &results.scales {
        scale(&mut page, scales);
    }
    if let Some(contentions) = &results.contentions {
        contention(&mut page, contentions);
    }
    if let Some(cleanups) = &results.cleanups {
        cleanup(&mut page, cleanups);
    }
    if let Some(measured) = &results.revocation {
        revocation(&mut page, measured);
    }
    page += HOW;
    if let Some(requests) = &results.requests {
        page += &about(&requests.about);
    }
    page
}

fn section(page: &mut String, title: &str, content: &str) {
    let _ = write!(page, "\n## {title}\n\n{content}");
}

fn processor(page: &mut String, requests: &Requests) {
    let kinds = Kind::all();
    let columns = kinds.iter().map(|kind| kind.label().to_owned());
    let mut table =
        Table::new(std::iter::once("µs, and divided by the bare server".to_owned()).chain(columns));
    for subject in measured(requests) {
        let cells = kinds.iter().map(|&kind| {
            let Some(cost) = requests.cost(subject, kind) else {
                return number(None);
            };
            let time = number(cost.processor_us());
            match requests.ratio(subject, kind) {
                Some(ratio) if subject.baseline() != subject => format!("{time} ({ratio:.2})"),
                _ => time,
            }
        });
        table.row(std::iter::once(subject.label().to_owned()).chain(cells));
    }
    section(page, "Processor time of a request", &table.to_string());

    let mut table = Table::new([
        "processor time, divided",
        "reads",
        "changes",
        "touches nothing",
    ]);
    for subject in measured(requests) {
        let Some(peer) = subject.peer() else {
            continue;
        };
        let cells = [Kind::Read, Kind::Change, Kind::Idle]
            .map(|kind| number(requests.ratio_to(subject, kind, peer)));
        let name = format!("{} / {}", subject.label(), peer.label());
        table.row(std::iter::once(name).chain(cells));
    }
    let _ = write!(
        page,
        "\nNext to the library that keeps its sessions in the same place:\n\n{table}"
    );
}

fn latency(page: &mut String, requests: &Requests) {
    for kind in [Kind::Read, Kind::Change] {
        let mut table = Table::new(["", "requests/s", "p50 µs", "p99 µs", "p99.9 µs"]);
        for subject in measured(requests) {
            if let Some(cost) = requests.cost(subject, kind) {
                table.row([
                    subject.label().to_owned(),
                    number(cost.median(|round| round.throughput)),
                    number(cost.median(|round| round.p50_us)),
                    number(cost.median(|round| round.p99_us)),
                    number(cost.median(|round| round.p999_us)),
                ]);
            }
        }
        let title = format!("Throughput and latency: a request that {}", kind.label());
        section(page, &title, &table.to_string());
    }
}

fn footprint(page: &mut String, requests: &Requests) {
    let kinds = [Kind::Read, Kind::Change, Kind::Idle, Kind::None];
    let round_trips = kinds.map(|kind| format!("round trips: {}", kind.label()));
    let columns = ["", "bytes stored", "bytes of cookie"].map(str::to_owned);
    let mut table = Table::new(columns.into_iter().chain(round_trips));
    for size in &requests.sizes {
        let cells = kinds.map(|kind| {
            let cost = requests.cost(size.subject, kind);
            number(cost.and_then(|cost| cost.round_trips))
        });
        let sizes = [
            size.subject.label().to_owned(),
            thousands(size.stored_bytes),
            size.cookie_bytes.to_string(),
        ];
        table.row(sizes.into_iter().chain(cells));
    }
    section(
        page,
        "Round trips to the store, and what a session takes",
        &table.to_string(),
    );
}

fn scale(page: &mut String, scales: &Scales) {
    let mut table = Table::new(["", "sessions", "reads, µs", "changes, µs", "bytes for each"]);
    for scale in &scales.scales {
        table.row([
            scale.subject.label().to_owned(),
            scale.sessions.to_string(),
            number(scale.read_us()),
            number(scale.change_us()),
            thousands(scale.bytes_per_session),
        ]);
    }
    let text = format!(
        "Processor time of a request for one of so many sessions, drawn by lot.\n\n{table}"
    );
    section(page, "Many sessions", &text);
}

fn contention(page: &mut String, contentions: &Contentions) {
    let mut table = Table::new([
        "",
        "writers",
        "acknowledged",
        "refused",
        "lost",
        "conflicts",
        "writes/s",
        "p99 µs",
    ]);
    for contention in &contentions.contentions {
        let conflicts = contention.conflicts.map(|conflicts| conflicts.to_string());
        table.row([
            contention.subject.label().to_owned(),
            contention.writers.to_string(),
            contention.acknowledged.to_string(),
            contention.refused.to_string(),
            contention.lost().to_string(),
            conflicts.unwrap_or_else(|| number(None)),
            number(contention.throughput),
            number(contention.p99_us),
        ]);
    }
    let text = format!(
        "Many requests at once that each add one to the same number in the same session. \
         A conflict is a write that came too late and was repeated; \
         one that does not get through in a second is refused, with a 503.\n\n{table}"
    );
    section(page, "Many writers of one session", &text);
}

fn cleanup(page: &mut String, cleanups: &Cleanups) {
    let mut table = Table::new([
        "",
        "sessions",
        "seconds",
        "p99 µs before",
        "p99 µs meanwhile",
    ]);
    for cleanup in &cleanups.cleanups {
        table.row([
            cleanup.subject.label().to_owned(),
            cleanup.expired.to_string(),
            number(cleanup.seconds),
            number(cleanup.p99_us_before),
            number(cleanup.p99_us_during),
        ]);
    }
    let text = format!(
        "Requests that change a session while sessions that have ended are deleted.\n\n{table}"
    );
    section(page, "Cleaning up", &text);
}

fn revocation(page: &mut String, measured: &Revocation) {
    let mut table = Table::new(["served after its end", "µs"]);
    let rows = [
        ("p50", measured.p50_us),
        ("p99", measured.p99_us),
        ("longest", measured.longest_us),
        ("longest, with a dead connection", measured.longest_deaf_us),
        ("the bound that was set", measured.bound_us),
    ];
    for (name, microseconds) in rows {
        table.row([name.to_owned(), number(microseconds)]);
    }
    let text = format!(
        "{} sessions that one server has in its near cache, where it looks again and again on a core of its own, and \
         another server ends: from the end that was acknowledged there to the last answer here that still had the \
         session. Zero means that the news was here first.\n\n{table}",
        measured.ended
    );
    section(page, "Ending a session that is in a near cache", &text);
}

fn about(about: &About) -> String {
    let mut text = format!(
        "\nThis page: `{}` on {}, {} rounds of {} s for each subject and kind of request.\n",
        about.command.trim(),
        about.date,
        about.rounds,
        about.seconds
    );
    let _ = writeln!(
        text,
        "Machine: {}, {} cores, Linux {}.",
        about.processor, about.cores, about.kernel
    );
    let versions: Vec<_> = about
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let _ = writeln!(text, "Versions: {}.", versions.join(", "));
    text
}

/// The subjects with results: those without sessions first, then ours, then the others.
fn measured(requests: &Requests) -> impl Iterator<Item = Subject> {
    let was_measured = |subject: &Subject| requests.cost(*subject, Kind::Read).is_some();
    let mut subjects: Vec<_> = Subject::all()
        .iter()
        .copied()
        .filter(was_measured)
        .collect();
    subjects.sort_by_key(|subject| subject.library() != Library::None);
    subjects.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_results_has_its_targets_and_says_how() {
        let page = render(&Results::default());

        assert!(page.contains("\n## Targets\n\n| target |"), "{page}");
        assert!(page.contains("\n## How it is measured\n"), "{page}");
        assert!(!page.contains("## Many sessions"), "{page}");
    }
}
