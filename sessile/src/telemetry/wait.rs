//! [`waiting`]: measures how long operations wait for a connection.

#[cfg(not(feature = "metrics"))]
use super::Backend;

/// The same future. If it is not ready at once, the time until it is ready or dropped is recorded as a wait for a
/// connection.
#[cfg(not(feature = "metrics"))]
pub(crate) fn waiting<F: Future>(_backend: Backend, future: F) -> F {
    future
}

#[cfg(feature = "metrics")]
pub(crate) use self::measured::waiting;

#[cfg(feature = "metrics")]
mod measured {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use pin_project_lite::pin_project;
    use tokio::time::Instant;

    use crate::telemetry::{Backend, metrics::CONNECTION_WAITS};

    /// As described above.
    pub(crate) fn waiting<F: Future>(backend: Backend, future: F) -> Waiting<F> {
        Waiting {
            backend,
            future,
            wait: None,
        }
    }

    pin_project! {
        pub(crate) struct Waiting<F> {
            backend: Backend,
            #[pin]
            future: F,
            wait: Option<Wait>,
        }
    }

    impl<F: Future> Future for Waiting<F> {
        type Output = F::Output;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            let this = self.project();
            let polled = this.future.poll(cx);
            match polled {
                Poll::Ready(_) => *this.wait = None,
                Poll::Pending => {
                    this.wait.get_or_insert_with(|| Wait {
                        backend: *this.backend,
                        begun: Instant::now(),
                    });
                }
            }
            polled
        }
    }

    /// Records its duration when it is dropped.
    struct Wait {
        backend: Backend,
        begun: Instant,
    }

    impl Drop for Wait {
        fn drop(&mut self) {
            CONNECTION_WAITS.record(self.backend, self.begun.elapsed().as_secs_f64());
        }
    }
}
