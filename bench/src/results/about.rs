//! The time, machine and versions of a measurement.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, macros::format_description};

use crate::cli::Schedule;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) date: String,
    pub(crate) command: String,
    /// The rounds, if the part goes in rounds.
    pub(crate) schedule: Option<Schedule>,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Versions of crates and servers by their names.
    pub(crate) versions: BTreeMap<String, String>,
}

impl About {
    /// The part that is known before the measurement.
    pub(crate) fn now(schedule: Option<Schedule>) -> anyhow::Result<Self> {
        let date = OffsetDateTime::now_utc().format(format_description!("[year]-[month]-[day]"))?;
        let cpuinfo = read("/proc/cpuinfo")?;
        let arguments: Vec<_> = env::args().skip(1).collect();
        Ok(Self {
            date,
            command: format!("cargo xtask bench {}", arguments.join(" ")),
            schedule,
            processor: processor(&cpuinfo),
            cores: cores(&cpuinfo),
            kernel: read("/proc/sys/kernel/osrelease")?,
            versions: crates(LOCKS)?,
        })
    }
}

/// The folder of the workspace that this one lies in.
pub(crate) fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn read(file: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
    Ok(text.trim().to_owned())
}

/// The model of the first processor.
fn processor(cpuinfo: &str) -> String {
    let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let model = lines.find(|(name, _)| name.trim() == "model name");
    model
        .map_or("unknown", |(_, model)| model.trim())
        .to_owned()
}

/// The number of processors, including those that this process may not use.
fn cores(cpuinfo: &str) -> usize {
    let is_core = |line: &&str| line.starts_with("processor");
    cpuinfo.lines().filter(is_core).count()
}

/// The crates whose versions matter.
const CRATES: &[&str] = &[
    "actix-session",
    "actix-web",
    "axum",
    "redis",
    "sessile",
    "sqlx",
    "tower-sessions",
    "tower-sessions-redis-store",
    "tower-sessions-sqlx-store",
];

/// Those of the servers are in two workspaces.
const LOCKS: &[&str] = &[
    include_str!("../../Cargo.lock"),
    include_str!("../../peers/Cargo.lock"),
];

fn crates(locks: &[&str]) -> anyhow::Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }

    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
    }

    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for lock in locks {
        let lock: Lock = toml::from_str(lock).context("can't read Cargo.lock")?;
        for Package { name, version } in lock.package {
            if CRATES.contains(&name.as_str()) {
                versions.entry(name).or_default().insert(version);
            }
        }
    }
    let joined = |versions: BTreeSet<_>| Vec::from_iter(versions).join(" and ");
    Ok(versions
        .into_iter()
        .map(|(name, versions)| (name, joined(versions)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_were_compiled_in() {
        let lock = "
            [[package]]
            name = \"redis\"
            version = \"0.32.7\"
            [[package]]
            name = \"redis\"
            version = \"1.8.1\"
            [[package]]
            name = \"something-else\"
            version = \"1.0.0\"";

        let versions = crates(&[lock]).unwrap();

        assert_eq!(versions.len(), 1);
        assert_eq!(versions["redis"], "0.32.7 and 1.8.1");
    }

    #[test]
    fn every_crate_that_is_reported_is_in_the_lock_file() {
        let versions = crates(LOCKS).unwrap();

        assert_eq!(versions.len(), CRATES.len(), "{versions:?}");
    }

    #[test]
    fn the_processor_is_the_first_of_all() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A B\n\nprocessor\t: 1\nmodel name\t: C\n";

        assert_eq!((processor(cpuinfo).as_str(), cores(cpuinfo)), ("A B", 2));
        assert_eq!((processor("").as_str(), cores("")), ("unknown", 0));
    }
}
