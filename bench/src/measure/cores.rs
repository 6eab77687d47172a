//! The core that each process runs on.

use anyhow::Context as _;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

/// Pins this process, and the processes that it starts, to a core. Servers have core 0, and the load has core 1.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .with_context(|| format!("can't run on core {core}: two are needed"))
}
