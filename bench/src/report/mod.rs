//! The results as a page with a chart: `docs/benchmarks.md` and `docs/benchmarks.svg`.

mod chart;
mod goal;
mod page;
mod table;
mod targets;

use std::fs;

use anyhow::Context as _;

use crate::results::{
    Cleanups, Contentions, Latencies, Requests, Revocation, Scales, Section as _, Sizes, workspace,
};

/// The last results of all measurements.
#[derive(Default)]
struct Results {
    requests: Option<Requests>,
    scales: Option<Scales>,
    contentions: Option<Contentions>,
    latencies: Option<Latencies>,
    sizes: Option<Sizes>,
    cleanups: Option<Cleanups>,
    revocation: Option<Revocation>,
}

/// Writes both files from the kept results, and prints which targets are met.
pub(crate) fn write() -> anyhow::Result<()> {
    let results = Results {
        requests: Requests::load()?,
        scales: Scales::load()?,
        contentions: Contentions::load()?,
        latencies: Latencies::load()?,
        sizes: Sizes::load()?,
        cleanups: Cleanups::load()?,
        revocation: Revocation::load()?,
    };
    for (name, content) in [
        ("benchmarks.md", page::render(&results)),
        ("benchmarks.svg", chart::render(&results)),
    ] {
        let file = workspace().join("docs").join(name);
        fs::write(&file, content).with_context(|| format!("can't write {}", file.display()))?;
        println!("wrote {}", file.display());
    }
    println!("\n{}", targets::table(&results));
    Ok(())
}
