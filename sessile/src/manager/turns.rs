//! [`Turns`]: who merges next.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use crate::{key::SessionKey, timeout};

/// Lets those that have to merge with what others stored in the same session do so one after another, in the order
/// in which they came.
///
/// Otherwise they would lose against each other again and again: of a hundred each gets through in one of a hundred
/// attempts, and some hardly ever. Nothing but time depends on it. Other servers know nothing of it, and whoever
/// waits too long goes on without: the store decides who wins.
#[derive(Default)]
pub(super) struct Turns {
    /// The lane of each session that somebody merges, by its id.
    lanes: Mutex<HashMap<Box<str>, Lane>>,
    /// How many there are, to be asked without the lock: mostly there is none.
    number: AtomicUsize,
}

type Lane = Arc<tokio::sync::Mutex<()>>;

/// A turn to merge, until it is dropped.
pub(super) struct Turn<'a> {
    _guard: Option<OwnedMutexGuard<()>>,
    /// Dropped after the guard.
    _ticket: Ticket<'a>,
}

/// Who has it is waiting in a lane, or the first there.
struct Ticket<'a> {
    turns: &'a Turns,
    id: Box<str>,
    /// There until it is dropped.
    lane: Option<Lane>,
}

impl Turns {
    /// Whether somebody merges what is stored under `key`, or waits to.
    pub(super) fn are_taken(&self, key: &SessionKey) -> bool {
        self.number.load(Ordering::Relaxed) > 0 && self.lanes().contains_key(key.id())
    }

    /// A turn to merge what is stored under `key`, when all are done who came before, or after this long.
    pub(super) async fn take(&self, key: &SessionKey, at_most: Duration) -> Turn<'_> {
        let (lane, ticket) = self.ticket(key.id());
        let guard = timeout::within(at_most, lane.lock_owned()).await;
        Turn {
            _guard: guard.ok(),
            _ticket: ticket,
        }
    }

    fn ticket(&self, id: &str) -> (Lane, Ticket<'_>) {
        let mut lanes = self.lanes();
        let lane = Arc::clone(lanes.entry(id.into()).or_default());
        self.number.store(lanes.len(), Ordering::Relaxed);
        let ticket = Ticket {
            turns: self,
            id: id.into(),
            lane: Some(Arc::clone(&lane)),
        };
        (lane, ticket)
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<Box<str>, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last one closes the lane.
impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut lanes = self.turns.lanes();
        // Tickets come and go under the lock only, so whoever finds the map's own is the last.
        drop(self.lane.take());
        if lanes
            .get(&self.id)
            .is_some_and(|lane| Arc::strong_count(lane) == 1)
        {
            lanes.remove(&self.id);
            self.turns.number.store(lanes.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::generate_session_key;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn turns_come_in_order() {
        let turns = Turns::default();
        let key = generate_session_key();
        let first = turns.take(&key, LONG).await;
        let order = Mutex::new(Vec::new());
        let waits = |number| {
            // Renewed in the meantime, and the same session.
            let (turns, key, order) = (&turns, key.renewed(), &order);
            async move {
                let _turn = turns.take(&key, LONG).await;
                order.lock().unwrap().push(number);
            }
        };
        tokio::join!(waits(1), waits(2), waits(3), async {
            assert!(turns.are_taken(&key));
            drop(first);
        });
        assert_eq!(order.into_inner().unwrap(), [1, 2, 3]);
        assert!(!turns.are_taken(&key));
    }

    #[tokio::test]
    async fn other_sessions_do_not_wait() {
        let turns = Turns::default();
        let (key, other) = (generate_session_key(), generate_session_key());
        let _first = turns.take(&key, LONG).await;
        assert!(!turns.are_taken(&other));
        let other = turns.take(&other, Duration::ZERO).await;
        assert!(other._guard.is_some());
    }

    #[test]
    fn threads_that_take_turns_leave_nothing() {
        let turns = Turns::default();
        let key = generate_session_key();
        let alone = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let builder = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build();
                    builder.unwrap().block_on(async {
                        for _ in 0..2000 {
                            let turn = turns.take(&key, LONG).await;
                            assert_eq!(alone.fetch_add(1, Ordering::SeqCst), 0);
                            alone.fetch_sub(1, Ordering::SeqCst);
                            drop(turn);
                        }
                    });
                });
            }
        });
        assert!(turns.lanes().is_empty() && !turns.are_taken(&key));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_and_nothing_stays() {
        let turns = Turns::default();
        let key = generate_session_key();
        let first = turns.take(&key, LONG).await;
        let late = turns.take(&key, Duration::from_secs(1)).await;
        assert!(late._guard.is_none());
        // One who stops waiting.
        tokio::select! {
            biased;
            _ = turns.take(&key, LONG) => panic!("it was not free"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        assert!(turns.are_taken(&key));
        drop(late);
        assert!(!turns.are_taken(&key));
        assert_eq!(turns.lanes().len(), 0);
        assert_eq!(turns.number.load(Ordering::Relaxed), 0);
    }
}
