//! [`Attempted`]: how an operation ended, and how often it was sent.

use std::time::Duration;

use super::{Fault, SignIn, StoreError};
use crate::storage::timing::Deadline;

/// How an operation ended. After [`Fault::Overtaken`], the operation had no effect and may be executed again.
pub(in crate::storage) struct Attempted<T> {
    pub(super) result: Result<T, Fault>,
    /// Whether an earlier attempt may have been executed as well.
    pub(super) repeated: bool,
}

impl<T> Attempted<T> {
    pub(in crate::storage) fn map<U>(self, change: impl FnOnce(T) -> U) -> Attempted<U> {
        Attempted {
            result: self.result.map(change),
            repeated: self.repeated,
        }
    }
}

/// The future of an operation in a database.
pub(in crate::storage) trait OperationFuture<T>:
    Future<Output = Attempted<T>> + Send
{
}

impl<T, F: Future<Output = Attempted<T>> + Send> OperationFuture<T> for F {}

/// Whether an operation that may have happened is sent again after its connection was cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum AfterCut {
    Resend,
    Fail,
}

impl AfterCut {
    /// A sign-in that inserts a row is not sent again if it may have happened: a delayed first attempt could restore a
    /// deleted session.
    pub(in crate::storage) fn of_sign_in(sign_in: &SignIn<'_>) -> Self {
        match sign_in.expected {
            Some(_) => Self::Resend,
            None => Self::Fail,
        }
    }
}

/// Makes an attempt, and a second one if the connection of the first was cut and `after_cut` allows it.
/// `attempt` is told whether its connection has to be a new one.
pub(in crate::storage) async fn up_to_twice<T, F>(
    after_cut: AfterCut,
    attempt: impl Fn(bool) -> F,
) -> Attempted<T>
where
    F: Future<Output = Result<T, Fault>>,
{
    let (result, repeated) = match attempt(false).await {
        Err(fault) if fault.is_cut() && (after_cut == AfterCut::Resend || !fault.leaves_open()) => {
            (Box::pin(attempt(true)).await, fault.leaves_open())
        }
        first => (first, false),
    };
    Attempted { result, repeated }
}

/// Runs `operation`, again if other statements changed the same rows first. Each time one of these succeeds, so it is repeated
/// until the time limit.
pub(super) async fn until_done<T, F>(
    limit: Duration,
    operation: impl Fn(Deadline) -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Attempted<T>>,
{
    let deadline = Deadline::after(limit);
    let mut was_repeated = false;
    loop {
        let attempted = operation(deadline).await;
        was_repeated |= attempted.repeated;
        match attempted.result {
            Err(Fault::Overtaken) if !deadline.has_passed() => {}
            result => return result.map_err(|fault| fault.into_error(was_repeated)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// An operation that others overtake `times` times, each of which takes a second, and that times out then. The first
    /// attempt was cut.
    async fn overtaken(times: u32, limit: Duration) -> (u32, StoreError) {
        let begun = Cell::new(0);
        let ended = until_done::<(), _>(limit, |_| {
            let number = begun.replace(begun.get() + 1);
            async move {
                tokio::time::advance(Duration::from_secs(1)).await;
                Attempted {
                    result: Err(match number < times {
                        true => Fault::Overtaken,
                        false => Fault::TimedOut(limit).not_connected(),
                    }),
                    repeated: number == 0,
                }
            }
        });
        let error = ended.await.unwrap_err();
        (begun.get(), error)
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_after_a_cut_attempt_leaves_the_outcome_unknown() {
        for times in [1, 5] {
            let (attempts, error) = overtaken(times, Duration::from_secs(30)).await;
            assert_eq!(attempts, times + 1);
            assert!(error.may_have_happened());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_overtaken_operation_is_repeated_until_its_time_limit() {
        let (attempts, error) = overtaken(u32::MAX, Duration::from_secs(30)).await;
        assert_eq!(attempts, 30);
        assert!(error.may_have_happened());
    }
}
