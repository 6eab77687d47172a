//! What can go wrong with a process.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// Why a process could not be started, reached or ended.
///
/// Its `Debug` is its `Display`: tests `unwrap` it, and what a failed test prints should be read, not decoded.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not on this machine.
    #[error(
        "`{program}` is not on the PATH. It is in the Debian packages `{packages}`: \
         `cargo xtask test` installs them, and so does `apt-get install {packages}`"
    )]
    NotInstalled {
        /// What was looked for.
        program: String,
        /// The Debian packages it needs, separated by spaces.
        packages: String,
    },

    /// The operating system refused something.
    #[error("{program}: can't {action}: {source}")]
    System {
        /// The program it was done for.
        program: String,
        /// What was refused.
        action: &'static str,
        /// How it was refused.
        source: io::Error,
    },

    /// The process has ended, and it should not have.
    #[error("{program} ended ({status}). The end of its log:\n{log}")]
    Ended {
        /// The program that ran.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote.
        log: String,
    },

    /// A server answered a command of the rig's own with an error.
    #[error("{program} refused `{command}`: {answer}")]
    Refused {
        /// The server.
        program: String,
        /// What it was told.
        command: String,
        /// What it answered.
        answer: String,
    },

    /// The process runs, but what was waited for did not come.
    #[error("{program}: {awaited} did not come within {within:?}. The end of its log:\n{log}")]
    TimedOut {
        /// The program that runs.
        program: String,
        /// What was waited for.
        awaited: String,
        /// How long.
        within: Duration,
        /// The end of what it wrote.
        log: String,
    },
}

impl Error {
    /// For `map_err`: gives a refusal of the operating system its context.
    pub(crate) fn system<E: Into<io::Error>>(
        program: &str,
        action: &'static str,
    ) -> impl FnOnce(E) -> Error {
        let program = program.to_owned();
        move |source| Error::System {
            program,
            action,
            source: source.into(),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
