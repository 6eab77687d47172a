//! The names under which the site keeps its values in a session.

/// How often the start page was opened: a `u64`.
pub(crate) const VISITS: &str = "visits";

/// Who is signed in: a `String`.
pub(crate) const USER: &str = "user";

/// What the next page is to tell, once: a `String`.
pub(crate) const FLASH: &str = "flash";

/// How many parallel runs were started: a `u64`.
pub(crate) const RUNS: &str = "runs";

/// What parallel requests count up together: a `u64`.
pub(crate) const COUNTER: &str = "counter";

/// What the parallel request `number` sets, and no other.
pub(crate) fn polyp(number: usize) -> String {
    format!("polyp.{number:02}")
}
