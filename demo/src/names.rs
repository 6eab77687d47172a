//! The names of the values in a session.

/// The number of visits of the start page: a `u64`.
pub(crate) const VISITS: &str = "visits";

/// The name of the user that is signed in: a `String`.
pub(crate) const USER: &str = "user";

/// A message that the next page shows once: a `String`.
pub(crate) const FLASH: &str = "flash";

/// The number of runs that were started: a `u64`.
pub(crate) const RUNS: &str = "runs";

/// The counter that concurrent requests increment: a `u64`.
pub(crate) const COUNTER: &str = "counter";

/// The value that only the concurrent request `number` sets.
pub(crate) fn polyp(number: usize) -> String {
    format!("polyp.{number:02}")
}
