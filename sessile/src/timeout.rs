//! A timeout that starts no timer for a future that is ready at once.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

/// The output of `future`, or `Err(limit)` if it takes longer.
pub(crate) const fn within<F: Future>(limit: Duration, future: F) -> Within<F> {
    Within {
        limit,
        future,
        timer: None,
    }
}

pin_project! {
    /// The future of [`within`]. It contains `future` once, where the future of an `async` function would contain it
    /// twice.
    pub(crate) struct Within<F> {
        limit: Duration,
        #[pin]
        future: F,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Duration>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if this.timer.is_none() {
            this.timer.set(Some(sleep(*this.limit)));
        }
        match this.timer.as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| Err(*this.limit)),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn a_ready_future_starts_no_timer() {
        // There is no runtime here, so a timer would panic.
        let mut ready = pin!(within(Duration::ZERO, async { 1 }));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(ready.as_mut().poll(&mut cx), Poll::Ready(Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_never_completes_times_out() {
        let limit = Duration::from_secs(1);
        let never = std::future::pending::<()>();
        assert_eq!(within(limit, never).await, Err(limit));
        assert_eq!(within(limit, tokio::task::yield_now()).await, Ok(()));
    }

    #[test]
    fn a_future_is_held_once() {
        let large = async {
            let bytes = [0_u8; 1000];
            tokio::task::yield_now().await;
            std::hint::black_box(bytes);
        };
        let len = size_of_val(&large);
        assert!(len > 1000);
        assert!(size_of_val(&within(Duration::ZERO, large)) < 2 * len);
    }
}
