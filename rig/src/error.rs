//! The errors of processes and servers.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// A process could not be started, reached or ended.
///
/// `Debug` formats it as `Display` does, so that the message of a failed `unwrap` in a test is readable.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not on this machine.
    #[error(
        "`{program}` is not on the PATH. It is in the Debian packages `{packages}`: \
         `cargo xtask test` installs them, and so does `apt-get install {packages}`"
    )]
    NotInstalled {
        /// The name of the program.
        program: String,
        /// The Debian packages that contain it, separated by spaces.
        packages: String,
    },

    /// The operating system refused an action.
    #[error("{program}: can't {action}: {source}")]
    System {
        /// The program that the action was for.
        program: String,
        /// The action.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },

    /// The process ended unexpectedly.
    #[error("{program} ended ({status}). The end of its log:\n{log}")]
    Ended {
        /// The program.
        program: String,
        /// The exit status.
        status: ExitStatus,
        /// The end of its output.
        log: String,
    },

    /// A server replied with an error to a command that the rig sent.
    #[error("{program} refused `{command}`: {reply}")]
    Refused {
        /// The server.
        program: String,
        /// The command.
        command: String,
        /// The reply.
        reply: String,
    },

    /// The process is running, but a condition was not met in time.
    #[error(
        "{program}: timed out after {within:?} while waiting for {awaited}. The end of its log:\n{log}"
    )]
    TimedOut {
        /// The program.
        program: String,
        /// The event that the caller waited for.
        awaited: String,
        /// The time limit.
        within: Duration,
        /// The end of its output.
        log: String,
    },
}

impl Error {
    /// Adds the context to an error of the operating system, for `map_err`.
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
