//! What was measured, kept as JSON in `target/bench/results`: one file for each part of the
//! measurements, so that a part can be measured again and the report written without measuring.

mod about;
mod cleanup;
mod contention;
mod requests;
mod revocation;
mod scale;

use std::{fs, io, path::PathBuf};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::{
    about::{About, workspace},
    cleanup::{Cleanup, Cleanups},
    contention::{Contention, Contentions},
    requests::{Cost, Requests, Round, Size},
    revocation::Revocation,
    scale::{Scale, Scales},
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

    /// What was measured last, if it ever was.
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

/// The middle one, or the mean of the two in the middle; not a number if there are none.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let numbers = sorted(numbers);
    let (Some(&low), Some(&high)) = (
        numbers.get(numbers.len().saturating_sub(1) / 2),
        numbers.get(numbers.len() / 2),
    ) else {
        return f64::NAN;
    };
    f64::midpoint(low, high)
}

/// The one that a quarter of them, itself included, don't exceed; not a number if there are none.
pub(crate) fn low_quartile(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let numbers = sorted(numbers);
    let quarter = numbers.len().div_ceil(4);
    let index = quarter.saturating_sub(1);
    numbers.get(index).copied().unwrap_or(f64::NAN)
}

fn sorted(numbers: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median([7.0]), 7.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_quarter_is_no_more_than_the_low_quartile() {
        assert_eq!(low_quartile([3.0, 1.0, 2.0]), 1.0);
        assert_eq!(low_quartile([4.0, 3.0, 1.0, 2.0]), 1.0);
        assert_eq!(low_quartile([5.0, 4.0, 3.0, 1.0, 2.0]), 2.0);
        assert_eq!(low_quartile((0..12).rev().map(f64::from)), 2.0);
        assert!(low_quartile([]).is_nan());
    }
}
