//! The names of the values in a session.

/// The number of visits of the start page: a `u64`.
pub(crate) const VISITS: &str = "visits";

/// The counter that concurrent requests increment: a `u64`.
pub(crate) const COUNTER: &str = "counter";

/// The value that only the concurrent request `number` sets.
pub(crate) fn polyp(number: usize) -> String {
    format!("polyp.{number:02}")
}

/// The label of a session with the browser that signed in.
pub(crate) const BROWSER: &str = "browser";

/// The label of a session with the address that signed in.
pub(crate) const ADDRESS: &str = "address";

/// The messages that the next page shows.
pub(crate) const NOTICE: &str = "notice";
