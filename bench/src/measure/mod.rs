//! The measurements.
//!
//! The server under measurement has the first core alone. The visitors and the store share the second one.

mod cleanup;
mod contention;
pub(crate) mod cores;
mod latency;
mod paired;
mod requests;
mod revocation;
mod scale;
mod server;
mod sizes;
mod stand;
mod store;

use std::time::Instant;

use crate::{cli::Effort, results::Section as _};

/// One part of the measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Requests,
    Scale,
    Contention,
    Latency,
    Sizes,
    Cleanup,
    Revocation,
}

impl Part {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Requests,
        Self::Scale,
        Self::Contention,
        Self::Latency,
        Self::Sizes,
        Self::Cleanup,
        Self::Revocation,
    ];
}

/// Measures these parts, and keeps their results.
pub(crate) fn run(parts: &[Part], effort: &Effort) -> anyhow::Result<()> {
    // Before other processes are started, which inherit the core.
    cores::pin(1)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for part in parts {
            println!("{part:?}");
            let begun = Instant::now();
            match part {
                Part::Requests => requests::measure(effort).await?.save()?,
                Part::Scale => scale::measure(effort).await?.save()?,
                Part::Contention => contention::measure(effort).await?.save()?,
                Part::Latency => latency::measure(effort).await?.save()?,
                Part::Sizes => sizes::measure(effort).await?.save()?,
                Part::Cleanup => cleanup::measure(effort).await?.save()?,
                Part::Revocation => revocation::measure(effort).await?.save()?,
            }
            println!("{part:?} took {:.0} s", begun.elapsed().as_secs_f64());
        }
        Ok(())
    })
}

/// The order of this many subjects in a round. It is reversed in every second round, so that a drift favors none.
fn order(round: usize, subjects: usize) -> Vec<usize> {
    match round.is_multiple_of(2) {
        true => (0..subjects).rev().collect(),
        false => (0..subjects).collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_round_goes_backwards() {
        assert_eq!(order(1, 3), [0, 1, 2]);
        assert_eq!(order(2, 3), [2, 1, 0]);
        assert_eq!(order(3, 3), [0, 1, 2]);
    }
}
