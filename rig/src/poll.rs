//! Polling for a condition.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Much shorter than the start of a server, and much longer than one check.
const INTERVAL: Duration = Duration::from_millis(5);

/// Calls `check` until it returns a value, at least once, and for at most the time `within`.
///
/// Returns `Ok(None)` if the time has passed. An error ends the polling at once.
pub(crate) fn poll<T, E>(
    within: Duration,
    check: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    poll_every(INTERVAL, within, check)
}

/// Like [`poll`], with another interval between the checks, for checks that are expensive.
pub(crate) fn poll_every<T, E>(
    interval: Duration,
    within: Duration,
    mut check: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let begun = Instant::now();
    loop {
        if let Some(found) = check()? {
            return Ok(Some(found));
        }
        if begun.elapsed() >= within {
            return Ok(None);
        }
        thread::sleep(interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_at_least_once() {
        assert_eq!(poll(Duration::ZERO, || Ok::<_, ()>(Some(1))), Ok(Some(1)));
        assert_eq!(
            poll(Duration::ZERO, || Ok::<Option<u8>, ()>(None)),
            Ok(None)
        );
    }

    #[test]
    fn checks_until_there_is_a_value() {
        let mut checks = 0;

        let found = poll(Duration::from_secs(60), || {
            checks += 1;
            Ok::<_, ()>((checks == 3).then_some("found"))
        });

        assert_eq!(found, Ok(Some("found")));
        assert_eq!(checks, 3);
    }

    #[test]
    fn an_error_ends_the_polling() {
        let outcome: Result<Option<()>, _> = poll(Duration::from_secs(60), || Err("broken"));

        assert_eq!(outcome, Err("broken"));
    }
}
