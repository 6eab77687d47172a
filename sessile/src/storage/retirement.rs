//! [`Retirement`]: which connections of the application's pool may lead to a former primary.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::{lock::lock, timing::LONGEST_PAUSE};

/// How long new connections are kept after all others were closed, even if they lead to a read-only server as well.
/// A server that stays read-only is not connected to for each write.
const PAUSE: Duration = LONGEST_PAUSE;

/// Decides which connections of a pool are used again. A pool keeps its connections while another server takes over.
///
/// A write that a read-only server refuses retires all connections, and so does the first write that a server
/// executes after that. A connection that an operation uses meanwhile is closed when the operation ends.
#[derive(Debug, Default)]
pub(super) struct Retirement(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often connections were retired.
    count: u64,
    retired_at: Option<Instant>,
    /// Whether a write was refused since the last one that was executed.
    was_refused: bool,
}

/// What the server replied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It executed a write.
    Wrote,
    /// It refused a write because it is read-only.
    ReadOnly,
    /// The connection can't be used any longer.
    Broken,
    Other,
}

/// What happens to the connections of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The connection returns to the pool. If the server is read-only, a new connection would lead there as well.
    Return,
    /// The connection is closed.
    Close,
    /// The connection returns to the pool, and the idle ones are closed.
    CloseIdle,
    /// The connection and the idle ones are closed.
    CloseAll,
}

impl Action {
    pub(super) fn closes_this(self) -> bool {
        matches!(self, Self::Close | Self::CloseAll)
    }

    pub(super) fn closes_idle(self) -> bool {
        matches!(self, Self::CloseIdle | Self::CloseAll)
    }
}

impl Retirement {
    /// How often connections were retired until now.
    pub(super) fn count(&self) -> u64 {
        self.state().count
    }

    /// What happens after `reply` over a connection that was acquired when the [count](Self::count) was `acquired_at`.
    /// The count has to be read before the connection is acquired.
    pub(super) fn after(&self, reply: Reply, acquired_at: u64) -> Action {
        let mut state = self.state();
        if reply == Reply::Broken || acquired_at < state.count {
            return Action::Close;
        }
        match reply {
            Reply::ReadOnly if state.retired_at.is_some_and(|at| at.elapsed() < PAUSE) => {
                state.was_refused = true;
                Action::Return
            }
            Reply::ReadOnly => {
                state.retire();
                state.was_refused = true;
                Action::CloseAll
            }
            Reply::Wrote if state.was_refused => {
                state.retire();
                state.was_refused = false;
                Action::CloseIdle
            }
            Reply::Wrote | Reply::Broken | Reply::Other => Action::Return,
        }
    }

    /// Retires the connections that were acquired while the idle ones were being closed: they were idle before.
    pub(super) fn closed_idle(&self) {
        self.state().count += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn retire(&mut self) {
        self.count += 1;
        self.retired_at = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::{Action::*, Reply::*, *};

    #[tokio::test(start_paused = true)]
    async fn replies_decide_which_connections_are_closed() {
        let retirement = Retirement::default();
        // The reply, the count when its connection was acquired, and the milliseconds since the line before.
        for (line, (reply, acquired_at, waited, expected)) in [
            (Other, 0, 0, Return),
            (Wrote, 0, 0, Return),
            (Broken, 0, 0, Close),
            // The first refusal retires all connections, also those in use.
            (ReadOnly, 0, 0, CloseAll),
            (ReadOnly, 0, 0, Close),
            (Wrote, 0, 0, Close),
            (Other, 0, 0, Close),
            // The server stays read-only.
            (ReadOnly, 1, 499, Return),
            (Other, 1, 0, Return),
            (ReadOnly, 1, 1, CloseAll),
            (ReadOnly, 2, 0, Return),
            // Another one has taken over.
            (Wrote, 2, 0, CloseIdle),
            (Other, 2, 0, Close),
            (Wrote, 3, 0, Return),
            (ReadOnly, 3, 500, CloseAll),
        ]
        .into_iter()
        .enumerate()
        {
            advance(Duration::from_millis(waited)).await;
            assert_eq!(retirement.after(reply, acquired_at), expected, "{line}");
        }
        assert_eq!(retirement.count(), 4);
        retirement.closed_idle();
        assert_eq!(retirement.after(Other, 4), Close);
        assert_eq!(retirement.after(Other, 5), Return);
    }
}
