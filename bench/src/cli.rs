//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::subject::Subject;

#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
/// Measures what sessions cost.
///
/// Without a command: everything, and then docs/benchmarks.md and its chart are written.
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) effort: Effort,
}

/// A measurement by itself keeps its results for the next report, and writes none.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// The cost of a request, for each subject and each kind of request.
    Requests,
    /// How that cost grows with the number of sessions.
    Scale,
    /// Many writers of one session.
    Contention,
    /// Requests while a million expired sessions are deleted.
    Cleanup,
    /// How long a near cache serves a session that was ended elsewhere.
    Revocation,
    /// Write docs/benchmarks.md and its chart from what was measured before.
    Report,
    /// Serve one subject: what the measurements start as processes of their own.
    #[command(hide = true)]
    Serve(Serve),
}

/// How much to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Effort {
    /// All of it in under three minutes: shorter rounds and smaller numbers, good for a look.
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// How many rounds go over all subjects [default: 12, 3 when quick].
    #[arg(long, global = true)]
    rounds: Option<usize>,
    /// How long one subject is asked for one kind of request in a round [default: 0.5, 0.2 when quick].
    #[arg(long, global = true)]
    seconds: Option<f64>,
    /// Only these subjects.
    #[arg(long, global = true, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
}

impl Effort {
    pub(crate) fn rounds(&self) -> usize {
        self.rounds
            .unwrap_or(if self.quick { 3 } else { 12 })
            .max(1)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(if self.quick { 0.2 } else { 0.5 })
    }

    pub(crate) fn wants(&self, subject: Subject) -> bool {
        self.only.is_empty() || self.only.contains(&subject)
    }

    /// A number of sessions or requests, less when quick.
    pub(crate) fn scaled(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

/// What a server is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    #[arg(value_enum)]
    pub(crate) subject: Subject,
    /// Where the subject's store is.
    #[arg(long, default_value = "")]
    pub(crate) store: String,
    /// Store this many sessions before the first request.
    #[arg(long, default_value_t = 0)]
    pub(crate) prefill: u64,
    /// Where to write the cookies of some of them, one a line.
    #[arg(long, requires = "prefill")]
    pub(crate) cookies: Option<PathBuf>,
    /// Count conflicts, and tell their number at `/conflicts`.
    #[arg(long)]
    pub(crate) counted: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_come_before_the_command_and_after_it() {
        for line in ["--quick scale", "scale --quick"] {
            let words = std::iter::once("bench").chain(line.split(' '));
            let cli = Cli::try_parse_from(words).unwrap();

            assert!(
                cli.effort.quick && matches!(cli.command, Some(Command::Scale)),
                "{line}"
            );
        }
    }

    #[test]
    fn without_names_every_subject_is_wanted() {
        let effort = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().effort;

        assert!(effort("bench").wants(Subject::Redis));
        assert!(effort("bench --only memory,redis").wants(Subject::Redis));
        assert!(!effort("bench --only memory").wants(Subject::Redis));
    }
}
