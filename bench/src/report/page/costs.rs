//! The costs of requests.

use std::fmt::Write as _;

use super::section;
use crate::{
    report::table::{Table, number, spread, thousands},
    results::{Requests, Rounds, Scales, Sizes},
    subject::{Kind, Library, Subject},
};

pub(super) fn processor(page: &mut String, requests: &Requests) {
    let kinds = Kind::all();
    let columns = kinds.iter().map(|kind| kind.label().to_owned());
    let mut table =
        Table::new(std::iter::once("times the bare server, and µs".to_owned()).chain(columns));
    for subject in measured(requests) {
        let cells = kinds.iter().map(|&kind| {
            let cost = requests.cost(subject, kind);
            cost.map_or_else(|| number(None), |cost| ratio_and_time(&cost.rounds))
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
        for &peer in subject.peers() {
            let cells = [Kind::Read, Kind::Change, Kind::Idle]
                .map(|kind| spread(requests.ratio_to(subject, kind, peer)));
            let name = format!("{} / {}", subject.label(), peer.label());
            table.row(std::iter::once(name).chain(cells));
        }
    }
    let _ = write!(
        page,
        "\nCompared with libraries that store their sessions in the same place:\n\n{table}"
    );
}

pub(super) fn latency(page: &mut String, requests: &Requests) {
    for kind in [Kind::Read, Kind::Change] {
        let mut table = Table::new(["", "requests/s", "p50 µs", "p99 µs"]);
        for subject in measured(requests) {
            if let Some(cost) = requests.cost(subject, kind) {
                table.row([
                    subject.label().to_owned(),
                    number(cost.rounds.median(|slice| slice.throughput)),
                    number(cost.rounds.median(|slice| slice.p50_us)),
                    number(cost.rounds.median(|slice| slice.p99_us)),
                ]);
            }
        }
        let title = format!("Throughput and latency: a request that {}", kind.label());
        section(page, &title, &table.to_string());
    }
}

pub(super) fn footprint(page: &mut String, requests: &Requests) {
    let kinds = [Kind::Read, Kind::Change, Kind::Idle, Kind::None];
    let round_trips = kinds.map(|kind| format!("round trips: {}", kind.label()));
    let columns = ["", "bytes stored", "bytes of cookie"].map(str::to_owned);
    let mut table = Table::new(columns.into_iter().chain(round_trips));
    for footprint in &requests.footprints {
        let cells = kinds.map(|kind| {
            let cost = requests.cost(footprint.subject, kind);
            number(cost.and_then(|cost| cost.round_trips))
        });
        let sizes = [
            footprint.subject.label().to_owned(),
            thousands(footprint.stored_bytes),
            footprint.cookie_bytes.to_string(),
        ];
        table.row(sizes.into_iter().chain(cells));
    }
    section(
        page,
        "Round trips to the store, and what a session takes",
        &table.to_string(),
    );
}

pub(super) fn scale(page: &mut String, scales: &Scales) {
    let mut table = Table::new(["", "sessions", "reads", "changes", "bytes for each"]);
    for scale in &scales.scales {
        table.row([
            scale.subject.label().to_owned(),
            scale.sessions.to_string(),
            ratio_and_time(&scale.reads),
            ratio_and_time(&scale.changes),
            thousands(scale.bytes_per_session),
        ]);
    }
    let text = format!(
        "Processor time of a request for a random one of this many sessions: times the bare server, and in µs.\n\n{table}"
    );
    section(page, "Many sessions", &text);
}

pub(super) fn sizes(page: &mut String, sizes: &Sizes) {
    let (ours, theirs) = (Subject::Cookie, Subject::ActixCookie);
    let mut table = Table::new([
        "",
        "bytes of state",
        "bytes of cookie, ours",
        "theirs",
        "ours",
        "theirs",
        "ours / theirs",
    ]);
    for kind in [Kind::Read, Kind::Change] {
        for bytes in sizes.bytes() {
            let cost = |subject| sizes.cost(subject, kind, bytes);
            let cookie = |subject| {
                cost(subject).map_or_else(|| number(None), |it| it.cookie_bytes.to_string())
            };
            let ratio = |subject| {
                cost(subject).map_or_else(|| number(None), |it| ratio_and_time(&it.rounds))
            };
            table.row([
                kind.label().to_owned(),
                bytes.to_string(),
                cookie(ours),
                cookie(theirs),
                ratio(ours),
                ratio(theirs),
                spread(sizes.ratio_to(ours, kind, bytes, theirs)),
            ]);
        }
    }
    let text = format!(
        "Processor time of a request whose session is in the cookie, times the bare server and in µs: {}, and {}. The state \
         is a counter and padding; its size is that of its JSON, `{{\"count\":0,\"pad\":\"…\"}}`. The smallest has no \
         padding. The cookie of the largest has nearly 4096 bytes with its name and attributes, which is the limit of \
         Sessile and of browsers.\n\n{table}",
        ours.label(),
        theirs.label()
    );
    section(page, "The size of a session in the cookie", &text);
}

fn ratio_and_time(rounds: &Rounds) -> String {
    format!(
        "{}, {} µs",
        spread(rounds.ratio()),
        number(rounds.processor_us())
    )
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
