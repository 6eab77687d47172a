//! Rare events: a clean-up, the end of a session.

use super::section;
use crate::{
    report::table::{Table, number},
    results::{Cleanups, Revocation},
};

pub(super) fn cleanup(page: &mut String, cleanups: &Cleanups) {
    let mut table = Table::new([
        "",
        "sessions",
        "seconds",
        "p99 µs before",
        "p99 µs meanwhile",
        "refused before",
        "refused meanwhile",
    ]);
    for cleanup in &cleanups.cleanups {
        table.row([
            cleanup.subject.label().to_owned(),
            cleanup.expired.to_string(),
            number(cleanup.seconds),
            number(cleanup.p99_us_before),
            number(cleanup.p99_us_during),
            cleanup.refused_before.to_string(),
            cleanup.refused_during.to_string(),
        ]);
    }
    let text = format!(
        "Requests that change a session while the clean-up deletes expired sessions.\n\n{table}"
    );
    section(page, "Cleaning up", &text);
}

pub(super) fn revocation(page: &mut String, measured: &Revocation) {
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
        "One server has {} sessions in its near cache, and loads them in a loop on a core of its own. Another server ends \
         them. The time is from the acknowledgement of the end to the last load that finds the session in the cache. Zero \
         means that the invalidation arrived first.\n\n{table}",
        measured.ended
    );
    section(page, "Ending a session that is in a near cache", &text);
}
