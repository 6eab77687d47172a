//! Waiting for a condition.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Short against what a server takes to start, long against what a look at it costs.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until `look` answers, at most for `within`, and at least once.
///
/// `Ok(None)` means that the time is over. An error ends the wait at once.
pub(crate) fn poll<T, E>(
    within: Duration,
    look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    poll_every(PAUSE, within, look)
}

/// As [`poll`], with another pause between the looks: for a look that costs something itself.
pub(crate) fn poll_every<T, E>(
    pause: Duration,
    within: Duration,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if begun.elapsed() >= within {
            return Ok(None);
        }
        thread::sleep(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_least_once() {
        assert_eq!(poll(Duration::ZERO, || Ok::<_, ()>(Some(1))), Ok(Some(1)));
        assert_eq!(
            poll(Duration::ZERO, || Ok::<Option<u8>, ()>(None)),
            Ok(None)
        );
    }

    #[test]
    fn looks_again_until_it_finds() {
        let mut looks = 0;

        let found = poll(Duration::from_secs(60), || {
            looks += 1;
            Ok::<_, ()>((looks == 3).then_some("found"))
        });

        assert_eq!(found, Ok(Some("found")));
        assert_eq!(looks, 3);
    }

    #[test]
    fn an_error_ends_the_wait() {
        let end: Result<Option<()>, _> = poll(Duration::from_secs(60), || Err("broken"));

        assert_eq!(end, Err("broken"));
    }
}
