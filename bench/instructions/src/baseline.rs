//! The recorded numbers.

use std::{collections::BTreeMap, env, fmt, fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// The permitted increase in percent. Random keys make a number vary a little.
const TOLERANCE_PERCENT: u64 = 3;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// The compiler and its target. Another compiler generates different instructions.
    pub(crate) compiler: String,
    /// For each scenario.
    pub(crate) instructions: BTreeMap<String, u64>,
}

/// The result of comparing a scenario.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same {
        kept: u64,
        counted: u64,
    },
    More {
        kept: u64,
        counted: u64,
    },
    Fewer {
        kept: u64,
        counted: u64,
    },
    /// Only one of the two has it.
    Unknown,
}

impl Baseline {
    /// Without numbers, for the installed compiler.
    pub(crate) fn empty() -> anyhow::Result<Self> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .arg("-vV")
            .output()
            .context("can't run rustc")?;
        ensure!(output.status.success(), "rustc does not print its version");
        Ok(Self {
            compiler: compiler(&String::from_utf8_lossy(&output.stdout)),
            instructions: BTreeMap::new(),
        })
    }

    pub(crate) fn load(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| {
            format!(
                "can't read {}: `cargo xtask instructions --update` makes it",
                file.display()
            )
        })?;
        toml::from_str(&text).with_context(|| format!("can't understand {}", file.display()))
    }

    pub(crate) fn save(&self, file: &Path) -> anyhow::Result<()> {
        let head = "# Written by `cargo xtask instructions --update`: instructions of one run of each scenario.\n\n";
        let text = head.to_owned() + &toml::to_string_pretty(self)?;
        fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
    }

    pub(crate) fn is_comparable_to(&self, other: &Self) -> bool {
        self.compiler == other.compiler
    }

    /// The result for each scenario that is here or in `counted`.
    pub(crate) fn compare(&self, counted: &Self) -> BTreeMap<String, Verdict> {
        let names = self.instructions.keys().chain(counted.instructions.keys());
        names
            .map(|name| {
                let numbers = (self.instructions.get(name), counted.instructions.get(name));
                let verdict = match numbers {
                    (Some(&kept), Some(&counted)) => Verdict::on(kept, counted),
                    _ => Verdict::Unknown,
                };
                (name.clone(), verdict)
            })
            .collect()
    }
}

impl Verdict {
    fn on(kept: u64, counted: u64) -> Self {
        let tolerated = kept * TOLERANCE_PERCENT / 100;
        if counted > kept + tolerated {
            Self::More { kept, counted }
        } else if counted + tolerated < kept {
            Self::Fewer { kept, counted }
        } else {
            Self::Same { kept, counted }
        }
    }

    pub(crate) fn is_fine(&self) -> bool {
        matches!(self, Self::Same { .. } | Self::Fewer { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { kept, counted } => write!(f, "unchanged: {counted}, recorded: {kept}"),
            Self::More { kept, counted } => write!(f, "TOO MANY: {counted}, recorded: {kept}"),
            Self::Fewer { kept, counted } => {
                write!(f, "fewer: {counted}, recorded: {kept}; --update records it")
            }
            Self::Unknown => f.write_str("NOT RECORDED: --update records it"),
        }
    }
}

/// The version and the target in the output of `rustc -vV`.
fn compiler(version: &str) -> String {
    let line = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
    let release = line("release: ").unwrap_or("unknown");
    let host = line("host: ").unwrap_or("unknown");
    format!("rustc {release} on {host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(instructions: &[(&str, u64)]) -> Baseline {
        let instructions = instructions.iter();
        Baseline {
            compiler: "rustc 1.95.0 on x86_64-unknown-linux-gnu".to_owned(),
            instructions: instructions
                .map(|&(name, number)| (name.to_owned(), number))
                .collect(),
        }
    }

    #[test]
    fn a_small_increase_is_accepted_and_a_large_one_is_not() {
        assert!(Verdict::on(10_000, 10_300).is_fine());
        assert!(Verdict::on(10_000, 5_000).is_fine());
        assert!(!Verdict::on(10_000, 10_301).is_fine());
    }

    #[test]
    fn a_scenario_that_only_one_side_has_is_unknown() {
        let kept = baseline(&[("old", 1), ("both", 1)]);
        let counted = baseline(&[("new", 1), ("both", 1)]);

        let verdicts = kept.compare(&counted);

        assert!(verdicts["both"].is_fine());
        assert!(!verdicts["old"].is_fine());
        assert!(!verdicts["new"].is_fine());
    }

    #[test]
    fn saved_numbers_can_be_loaded() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let kept = baseline(&[("read", 12_345)]);

        kept.save(file.path()).unwrap();

        assert_eq!(Baseline::load(file.path()).unwrap(), kept);
    }

    #[test]
    fn the_compiler_has_its_version_and_its_target() {
        let version = "rustc 1.95.0 (59807616e 2026-04-14)\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";

        assert_eq!(compiler(version), baseline(&[]).compiler);
    }
}
