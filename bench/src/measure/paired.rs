//! Rounds in which each slice of a subject comes right after one of its baseline.

use std::collections::{BTreeMap, btree_map::Entry};

use anyhow::{Context as _, bail};

use super::{order, stand::Stand};
use crate::{
    cli::Schedule,
    results::Pair,
    subject::{Kind, Subject},
};

/// The maximum number of attempts to measure a pair without a refused request. Other load on the machine may delay a
/// store for a second, and all rounds would be lost. A store that refuses requests in all attempts is broken.
const ATTEMPTS: usize = 3;

/// Adds a pair to the rounds of each stand, in each round and for each kind that suits it.
pub(super) async fn measure(
    stands: &mut [Stand],
    kinds: &[Kind],
    schedule: Schedule,
) -> anyhow::Result<()> {
    let mut baselines = baselines(stands).await?;
    for stand in stands.iter_mut().chain(baselines.values_mut()) {
        warm_up(stand, kinds, schedule.seconds).await?;
    }
    for round in 1..=schedule.rounds {
        println!("  round {round} of {}", schedule.rounds);
        // Kind by kind, so that subjects that are compared are measured one after the other.
        for &kind in kinds {
            for index in order(round, stands.len()) {
                let stand = &mut stands[index];
                if !kind.suits(stand.subject) {
                    continue;
                }
                let baseline = baselines
                    .get_mut(&stand.subject.baseline())
                    .context("a subject without its baseline")?;
                let pair = pair(baseline, stand, kind, schedule.seconds);
                let pair = pair.await.with_context(|| stand.subject.label())?;
                stand.rounds.entry(kind).or_default().0.push(pair);
            }
        }
    }
    Ok(())
}

/// The baselines of these stands, each with as many visitors.
async fn baselines(stands: &[Stand]) -> anyhow::Result<BTreeMap<Subject, Stand>> {
    let mut baselines = BTreeMap::new();
    for stand in stands {
        if let Entry::Vacant(entry) = baselines.entry(stand.subject.baseline()) {
            let baseline = Stand::start(*entry.key(), stand.crowd.len()).await?;
            entry.insert(baseline);
        }
    }
    Ok(baselines)
}

async fn warm_up(stand: &mut Stand, kinds: &[Kind], seconds: f64) -> anyhow::Result<()> {
    let subject = stand.subject;
    for &kind in kinds.iter().filter(|kind| kind.suits(subject)) {
        stand.slice(kind, seconds).await?;
    }
    Ok(())
}

async fn pair(
    baseline: &mut Stand,
    stand: &mut Stand,
    kind: Kind,
    seconds: f64,
) -> anyhow::Result<Pair> {
    for attempt in 1..=ATTEMPTS {
        let baseline = baseline.slice(kind, seconds).await?;
        let slice = stand.slice(kind, seconds).await?;
        if let (Some(baseline), Some(slice)) = (baseline, slice) {
            return Ok(Pair {
                baseline_us: baseline.processor_us,
                slice,
            });
        }
        println!(
            "  {}: requests were refused, attempt {attempt} of {ATTEMPTS}",
            stand.subject.label()
        );
    }
    bail!("the subject or its baseline refused requests in {ATTEMPTS} attempts")
}
