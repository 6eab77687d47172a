//! Many writers of one session, and stores behind a network.

use super::section;
use crate::{
    report::table::{Table, number, spread, thousands},
    results::{Contention, Contentions, Latencies},
    subject::Kind,
};

pub(super) fn contention(page: &mut String, contentions: &Contentions) {
    let text = format!(
        "Concurrent requests add one to the same number in the same session. Each round has a new session. A conflict is \
         an update whose version was outdated. A write that is not stored within a second is refused with 503. *Updates \
         a write* is the number of updates of the store for each acknowledged write, including those that conflict. It \
         is less than one if writes share an update.\n\n{}",
        writers(&contentions.contentions)
    );
    section(page, "Many writers of one session", &text);
}

pub(super) fn distant(page: &mut String, latencies: &Latencies) {
    let kinds = [Kind::Read, Kind::Change];
    let figures = ["requests/s", "p50 µs", "p99 µs", "refused"];
    let columns = kinds.iter().flat_map(|kind| {
        let label = kind.label();
        figures.map(|figure| format!("{label}: {figure}"))
    });
    let mut table = Table::new(std::iter::once(String::new()).chain(columns));
    let mut subjects: Vec<_> = latencies.visits.iter().map(|it| it.subject).collect();
    subjects.dedup();
    for subject in subjects {
        let visits = latencies.visits.iter().filter(|it| it.subject == subject);
        let cells = visits.flat_map(|visits| {
            [
                number(visits.median(|round| round.throughput)),
                number(visits.median(|round| round.p50_us)),
                number(visits.median(|round| round.p99_us)),
                visits.refused().to_string(),
            ]
        });
        table.row(std::iter::once(subject.label().to_owned()).chain(cells));
    }
    let text = format!(
        "A proxy delays the traffic between the server and its store, so that a round trip takes at least {} µs, as in a data \
         center. The figures depend on the number of round trips that a request waits for, and on whether requests share \
         connections or wait for one. The computation of a request hardly matters.\n\n{table}\nMany writers of one session over the same network:\n\n{}",
        thousands(latencies.round_trip_us),
        writers(&latencies.contentions)
    );
    section(page, "A store that is a network away", &text);
}

fn writers(contentions: &[Contention]) -> Table {
    let mut table = Table::new([
        "",
        "writers",
        "acknowledged",
        "refused",
        "lost",
        "conflicts",
        "updates a write",
        "writes/s",
        "p99 µs",
    ]);
    for contention in contentions {
        let conflicts = contention.counted().map(|it| it.conflicts.to_string());
        table.row([
            contention.subject.label().to_owned(),
            contention.writers.to_string(),
            contention.acknowledged().to_string(),
            contention.refused().to_string(),
            contention.lost().to_string(),
            conflicts.unwrap_or_else(|| number(None)),
            number(contention.updates_per_write()),
            spread(contention.throughput()),
            spread(contention.p99_us()),
        ]);
    }
    table
}
