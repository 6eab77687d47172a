//! When an operation is sent again.

use std::time::Duration;

use super::{Fault, StoreError};
use crate::storage::timing::Deadline;

/// One attempt of an operation.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Attempt {
    pub(in crate::storage) deadline: Deadline,
    /// Whether the connection of the attempt before was cut. PostgreSQL replaces such a connection by itself, and ignores it.
    pub(in crate::storage) needs_new_connection: bool,
}

/// The outcome of an operation that can be sent again.
pub(super) async fn until_done<T, F: Future<Output = Result<T, Fault>>>(
    limit: Duration,
    operation: impl Fn(Attempt) -> F,
) -> Result<T, StoreError> {
    let (result, was_repeated) = repeat(Deadline::after(limit), true, operation).await;
    result.map_err(|fault| fault.into_error(was_repeated))
}

/// Runs `operation` until it is done. Returns its result, and whether an earlier attempt may have been executed as well.
///
/// If other statements changed the same rows first, it had no effect and is repeated. Each time one of these succeeds, so it
/// is repeated until the time limit. If its connection was cut, it is sent again on another connection, but not twice in a row. An operation
/// that may have been executed is only sent again if `may_be_resent` is set.
pub(super) async fn repeat<T, F>(
    deadline: Deadline,
    may_be_resent: bool,
    operation: impl Fn(Attempt) -> F,
) -> (Result<T, Fault>, bool)
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut attempt = Attempt {
        deadline,
        needs_new_connection: false,
    };
    let mut was_repeated = false;
    loop {
        match operation(attempt).await {
            Err(Fault::Overtaken) if !deadline.has_passed() => attempt.needs_new_connection = false,
            Err(fault)
                if fault.is_cut()
                    && !attempt.needs_new_connection
                    && (may_be_resent || !fault.leaves_open()) =>
            {
                was_repeated |= fault.leaves_open();
                attempt.needs_new_connection = true;
            }
            result => return (result, was_repeated),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn cut() -> Fault {
        Fault::connection(io::Error::other("cut"))
    }

    fn not_connected() -> Fault {
        Fault::TimedOut(LIMIT).not_connected()
    }

    /// Whether each attempt needed a new connection, and whether an earlier attempt may have been executed. Each attempt
    /// takes a second. The last of the faults lasts.
    async fn attempts(may_be_resent: bool, faults: &[Fault]) -> (Vec<bool>, bool) {
        let attempts = RefCell::new(Vec::new());
        let repeating = repeat::<(), _>(Deadline::after(LIMIT), may_be_resent, |attempt| {
            let mut attempts = attempts.borrow_mut();
            let fault = faults.get(attempts.len()).or(faults.last());
            attempts.push(attempt.needs_new_connection);
            async move {
                tokio::time::advance(Duration::from_secs(1)).await;
                fault.cloned().map_or(Ok(()), Err)
            }
        });
        let (result, was_repeated) = repeating.await;
        assert_eq!(result.is_ok(), faults.is_empty());
        (attempts.into_inner(), was_repeated)
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_whose_connection_was_cut_is_sent_again_once() {
        assert_eq!(attempts(true, &[]).await, (vec![false], false));
        assert_eq!(
            attempts(true, &[not_connected()]).await,
            (vec![false], false)
        );
        assert_eq!(attempts(true, &[cut()]).await, (vec![false, true], true));
        assert_eq!(
            attempts(true, &[Fault::ReadOnly]).await,
            (vec![false, true], false)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_insert_that_may_have_been_executed_is_not_sent_again() {
        assert_eq!(attempts(false, &[cut()]).await, (vec![false], false));
        assert_eq!(
            attempts(false, &[Fault::ReadOnly]).await,
            (vec![false, true], false)
        );
        assert_eq!(
            attempts(false, &[Fault::ReadOnly, cut()]).await,
            (vec![false, true], false)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_overtaken_operation_is_repeated_until_its_time_limit() {
        let (is_new, was_repeated) = attempts(true, &[Fault::Overtaken]).await;
        assert_eq!((is_new, was_repeated), (vec![false; 30], false));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_not_forgotten_that_an_earlier_attempt_was_cut() {
        let faults = [cut(), Fault::Overtaken, Fault::Overtaken, not_connected()];
        let (is_new, was_repeated) = attempts(true, &faults).await;
        assert_eq!(
            (is_new, was_repeated),
            (vec![false, true, false, false], true)
        );
    }
}
