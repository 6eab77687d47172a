//! Many visitors at once.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;

use super::{Timing, Visitor, answer::is_refusal};
use crate::subject::Kind;

/// Visitors who keep their connections from round to round.
pub(crate) struct Crowd {
    visitors: Vec<Visitor>,
    /// The sessions that requests belong to, one chosen at random for each. If there are none, each visitor has its
    /// own.
    drawn_from: Vec<String>,
}

/// The results of a crowd.
pub(crate) struct Visit {
    pub(crate) timing: Timing,
    /// The number of requests that the server refused with 503.
    pub(crate) refused: u64,
    pub(crate) elapsed: Duration,
}

impl Crowd {
    pub(crate) async fn arrive(port: u16, visitors: usize) -> anyhow::Result<Self> {
        let visitors = (0..visitors).map(|_| Visitor::arrive(port));
        let visitors = try_join_all(visitors).await?;
        Ok(Self {
            visitors,
            drawn_from: Vec::new(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.visitors.len()
    }

    pub(crate) fn first(&mut self) -> &mut Visitor {
        &mut self.visitors[0]
    }

    /// A crowd with a session for each visitor, begun at this path.
    pub(crate) async fn begin(&mut self, path: &str) -> anyhow::Result<()> {
        try_join_all(self.visitors.iter_mut().map(|visitor| visitor.begin(path))).await?;
        Ok(())
    }

    /// From now on each request belongs to one of these sessions, chosen at random.
    pub(crate) fn draw_from(&mut self, cookies: Vec<String>) {
        self.drawn_from = cookies;
    }

    /// One session for all.
    pub(crate) fn share(&mut self, cookie: &str) {
        for visitor in &mut self.visitors {
            visitor.take_over(cookie);
        }
    }

    /// Sends requests of this kind until `more` returns `false`. The server may refuse some of them.
    pub(crate) async fn send(
        &mut self,
        kind: Kind,
        more: impl Fn() -> bool,
    ) -> anyhow::Result<Visit> {
        let timing = RefCell::new(Timing::new());
        let refused = Cell::new(0);
        let awake = tokio::spawn(stay_awake());
        let begun = Instant::now();
        try_join_all(self.visitors.iter_mut().map(async |visitor| {
            while more() {
                if let Some(cookie) = fastrand::choice(&self.drawn_from) {
                    visitor.take_over(cookie);
                }
                let sent = Instant::now();
                match visitor.send(kind).await {
                    Ok(_) => timing.borrow_mut().record(sent.elapsed()),
                    Err(error) if is_refusal(&error) => refused.set(refused.get() + 1),
                    Err(error) => return Err(error),
                }
            }
            anyhow::Ok(())
        }))
        .await?;
        let elapsed = begun.elapsed();
        awake.abort();
        Ok(Visit {
            elapsed,
            refused: refused.get(),
            timing: timing.into_inner(),
        })
    }
}

/// Prevents this thread from sleeping. The kernel charges the sender of a response for waking the reader, so a server
/// that is slower than the crowd would pay for that with every response.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

impl Visit {
    /// Requests in a second.
    #[expect(clippy::cast_precision_loss, reason = "no run sends that many")]
    pub(crate) fn throughput(&self) -> f64 {
        self.timing.requests() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Returns `true` this many times.
pub(crate) fn times(number: u64) -> impl Fn() -> bool {
    let left = Cell::new(number);
    move || {
        let now = left.get();
        left.set(now.saturating_sub(1));
        now > 0
    }
}

/// Returns `true` for this long.
pub(crate) fn until(seconds: f64) -> impl Fn() -> bool {
    let begun = Instant::now();
    move || begun.elapsed().as_secs_f64() < seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_times_is_exact() {
        let more = times(3);

        assert_eq!(
            std::iter::repeat_with(more)
                .take(6)
                .filter(|&it| it)
                .count(),
            3
        );
    }
}
