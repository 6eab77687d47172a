//! A server under measurement.

use std::{env, path::Path, process::Command, time::Duration};

use anyhow::Context as _;
use nix::{time::ClockId, unistd::Pid};
use sessile_rig::{Process, Ready, proxy::Proxy};

use super::store::Store;
use crate::{serve::LISTENING, subject::Subject};

/// Longer than storing a million sessions takes on a slow machine.
const STARTING: Duration = Duration::from_secs(15 * 60);

pub(super) struct Server {
    process: Process,
    pub(super) port: u16,
    /// The network between it and its store.
    _network: Option<Proxy>,
}

impl Server {
    /// Starts a subject on its store, with more arguments for `serve`.
    pub(super) fn start(
        subject: Subject,
        store: &Store,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        Self::start_at(subject, &store.url(), None, arguments)
    }

    /// Starts a subject with a network between it and its store.
    pub(super) fn start_distant(
        subject: Subject,
        store: &Store,
        round_trip: Duration,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let port = store.port().context("only a server can be distant")?;
        let network = Proxy::with_latency(port, round_trip)?;
        let url = store.url_on(network.port());
        Self::start_at(subject, &url, Some(network), arguments)
    }

    fn start_at(
        subject: Subject,
        url: &str,
        network: Option<Proxy>,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let program = env::current_exe()?.with_file_name(subject.program());
        let mut command = Command::new(program);
        command
            .args(["serve", &subject.name(), "--store", url])
            .args(arguments);
        let process = Process::start(command, Ready::line(LISTENING).within(STARTING))?;
        let line = process.line(LISTENING).unwrap_or_default();
        let port = line
            .strip_prefix(LISTENING)
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("{} does not print its port", subject.name()))?;
        Ok(Self {
            process,
            port,
            _network: network,
        })
    }

    /// The processor time of all of its threads, in user and system mode.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(self.process.id().cast_signed()))?;
        Ok(clock.now()?.into())
    }

    /// The memory that it uses.
    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let file = Path::new("/proc").join(self.process.id().to_string());
        let status = std::fs::read_to_string(file.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .context("the process's memory isn't told")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }
}
