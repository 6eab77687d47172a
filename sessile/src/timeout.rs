//! A bound on waiting that costs nothing where there is nothing to wait for.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::{Sleep, sleep};

/// What `future` comes to, or `limit` if it takes longer.
///
/// A future that is ready at once, as those of stores in memory are, never starts a timer. One that is
/// large is better pinned by the caller: it would be moved here, and kept room for twice.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Duration> {
    let mut future = pin!(future);
    let mut timer = pin!(None::<Sleep>);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if timer.is_none() {
            timer.set(Some(sleep(limit)));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| Err(limit)),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_needs_no_timer() {
        // There is no runtime here, so a timer would panic.
        let mut ready = pin!(within(Duration::ZERO, async { 1 }));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(ready.as_mut().poll(&mut cx), Poll::Ready(Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_is_not_waited_for() {
        let limit = Duration::from_secs(1);
        let never = std::future::pending::<()>();
        assert_eq!(within(limit, never).await, Err(limit));
        assert_eq!(within(limit, tokio::task::yield_now()).await, Ok(()));
    }
}
