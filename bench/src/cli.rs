//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
/// Measures the cost of sessions.
///
/// Without a command, everything is measured, and docs/benchmarks.md and its chart are written.
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) effort: Effort,
}

/// A single measurement keeps its results for the next report, and writes no report.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// The cost of a request, for each subject and each kind of request.
    Requests,
    /// How that cost grows with the number of sessions.
    Scale,
    /// Many writers of one session.
    Contention,
    /// Requests whose store is a network away, with a round trip time of 1 ms.
    Latency,
    /// The cost of a session in the cookie, for states of different sizes.
    Sizes,
    /// Requests while a million expired sessions are deleted.
    Cleanup,
    /// How long a near cache serves a session that was ended elsewhere.
    Revocation,
    /// Write docs/benchmarks.md and its chart from the kept results.
    Report,
    /// Serve one subject. The measurements start this as a process.
    #[command(hide = true)]
    Serve(Serve),
}

/// How much to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Effort {
    /// Measure everything in under three minutes, with shorter rounds and smaller numbers.
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// The number of rounds over all subjects [default: 40, or 5 when quick; of contention and latency 12, or 3].
    #[arg(long, global = true)]
    rounds: Option<usize>,
    /// The seconds for one kind of request to a subject in a round [default: 0.1, or 0.05 when quick; of contention
    /// and latency 0.3, or 0.1].
    #[arg(long, global = true)]
    seconds: Option<f64>,
    /// Only these subjects.
    #[arg(long, global = true, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
}

/// The number and the length of the slices of each subject in a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
}

impl Effort {
    /// Many short slices, for subjects that are compared with their neighbors.
    pub(crate) fn short_slices(&self) -> Schedule {
        self.schedule(match self.quick {
            true => (5, 0.05),
            false => (40, 0.1),
        })
    }

    /// Fewer and longer slices, for requests that wait for each other or for a network.
    pub(crate) fn long_slices(&self) -> Schedule {
        self.schedule(match self.quick {
            true => (3, 0.1),
            false => (12, 0.3),
        })
    }

    fn schedule(&self, (rounds, seconds): (usize, f64)) -> Schedule {
        Schedule {
            rounds: self.rounds.unwrap_or(rounds).max(1),
            seconds: self.seconds.unwrap_or(seconds),
        }
    }

    pub(crate) fn wants(&self, subject: Subject) -> bool {
        self.only.is_empty() || self.only.contains(&subject)
    }

    /// A number of sessions, requests or seconds, which is smaller when quick.
    pub(crate) fn scaled(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

/// The arguments of a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    #[arg(value_enum)]
    pub(crate) subject: Subject,
    /// The address of the subject's store.
    #[arg(long, default_value = "")]
    pub(crate) store: String,
    /// Store this many sessions before the first request.
    #[arg(long, default_value_t = 0)]
    pub(crate) prefill: u64,
    /// The file for the cookies of some of them, one per line.
    #[arg(long, requires = "prefill")]
    pub(crate) cookies: Option<PathBuf>,
    /// Count updates and conflicts, and serve their numbers at `/updates` and `/conflicts`.
    #[arg(long)]
    pub(crate) counted: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
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
    fn the_command_line_overrides_the_schedule_of_a_part() {
        let effort = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().effort;
        let schedule = |rounds, seconds| Schedule { rounds, seconds };

        assert_eq!(effort("bench").short_slices(), schedule(40, 0.1));
        assert_eq!(effort("bench --quick").long_slices(), schedule(3, 0.1));
        let said = effort("bench --rounds 0 --seconds 2");
        assert_eq!(said.short_slices(), schedule(1, 2.0));
        assert_eq!(said.long_slices(), schedule(1, 2.0));
    }

    #[test]
    fn without_names_every_subject_is_wanted() {
        let effort = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().effort;

        assert!(effort("bench").wants(Subject::Redis));
        assert!(effort("bench --only memory,redis").wants(Subject::Redis));
        assert!(!effort("bench --only memory").wants(Subject::Redis));
    }
}
