//! The results, kept as JSON in `target/bench/results`. There is one file for each part of the measurements, so that
//! a part can be measured again and the report can be written without measuring.

mod about;
mod cleanup;
mod contention;
mod latency;
mod requests;
mod revocation;
mod rounds;
mod scale;
mod sizes;
mod spread;

use std::{fs, io, path::PathBuf};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::{
    about::{About, workspace},
    cleanup::{Cleanup, Cleanups},
    contention::{Contention, Contentions, Counted, Writes},
    latency::{DistantRound, DistantVisits, Latencies},
    requests::{Cost, Footprint, Requests},
    revocation::Revocation,
    rounds::{Pair, Rounds, Slice},
    scale::{Scale, Scales},
    sizes::{SizeCost, Sizes},
    spread::Spread,
};

/// The results of one part of the measurements.
pub(crate) trait Section: Serialize + DeserializeOwned {
    /// Its file, without the ending.
    const NAME: &'static str;

    fn save(&self) -> anyhow::Result<()> {
        let file = file(Self::NAME);
        fs::create_dir_all(folder()).context("can't make the folder for results")?;
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))
    }

    /// The last results, if there are any.
    fn load() -> anyhow::Result<Option<Self>> {
        let file = file(Self::NAME);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("can't read {}", file.display()))?,
        };
        let part = serde_json::from_str(&text);
        part.map(Some)
            .with_context(|| format!("{} is of another version", file.display()))
    }
}

fn folder() -> PathBuf {
    workspace().join("target/bench/results")
}

fn file(name: &str) -> PathBuf {
    folder().join(name).with_extension("json")
}
