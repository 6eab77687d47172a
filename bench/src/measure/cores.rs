//! The core that each process runs on.

use anyhow::Context as _;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

/// Pins this process, a server, to the first core.
pub(crate) fn pin_server() -> anyhow::Result<()> {
    pin(0)
}

/// Pins this process and the processes that it starts to the second core.
pub(crate) fn pin_load() -> anyhow::Result<()> {
    pin(1)
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .with_context(|| format!("can't run on core {core}: two are needed"))
}
