//! The measurements.
//!
//! The server under measurement has the first core for itself; whatever asks and stores shares the
//! second one.

mod cleanup;
mod contention;
pub(crate) mod cores;
mod gauge;
mod requests;
mod revocation;
mod scale;
mod server;
mod store;

use crate::{cli::Effort, results::Section as _};

/// One part of the measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Requests,
    Scale,
    Contention,
    Cleanup,
    Revocation,
}

impl Part {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Requests,
        Self::Scale,
        Self::Contention,
        Self::Cleanup,
        Self::Revocation,
    ];
}

/// Measures these parts, and keeps their results.
pub(crate) fn run(parts: &[Part], effort: &Effort) -> anyhow::Result<()> {
    // Before anything is started: it inherits where we run.
    cores::pin_load()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for part in parts {
            println!("{part:?}");
            match part {
                Part::Requests => requests::measure(effort).await?.save()?,
                Part::Scale => scale::measure(effort).await?.save()?,
                Part::Contention => contention::measure(effort).await?.save()?,
                Part::Cleanup => cleanup::measure(effort).await?.save()?,
                Part::Revocation => revocation::measure(effort).await?.save()?,
            }
        }
        Ok(())
    })
}
