//! [`SessionQueue`]: the order in which requests of this process write to one session.
//!
//! The adapter loads, compares and writes while it is first in the queue. So on one server, the store passes the whole
//! contract suite, with its races. Loads don't queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::OwnedMutexGuard;

use crate::{record::id::SessionId, storage::lock::lock};

/// Lets the requests of this process write to a session one after another, in the order of their arrival. Other
/// processes have their own queues.
#[derive(Default)]
pub(super) struct SessionQueue {
    /// The lock of each session that is being written to.
    locks: Mutex<HashMap<SessionId, Lock>>,
}

type Lock = Arc<tokio::sync::Mutex<()>>;

/// The place of a request at the head of the queue, until it is dropped.
pub(super) struct Head<'a> {
    _guard: OwnedMutexGuard<()>,
    /// Dropped after the guard.
    _ticket: Ticket<'a>,
}

/// The place of a request in the queue.
struct Ticket<'a> {
    queue: &'a SessionQueue,
    id: SessionId,
    /// `Some` until it is dropped.
    lock: Option<Lock>,
}

impl SessionQueue {
    /// Waits until the earlier requests are done.
    pub(super) async fn wait(&self, id: &SessionId) -> Head<'_> {
        let (lock, ticket) = self.ticket(id);
        Head {
            _guard: lock.lock_owned().await,
            _ticket: ticket,
        }
    }

    fn ticket(&self, id: &SessionId) -> (Lock, Ticket<'_>) {
        let mut locks = lock(&self.locks);
        let lock = Arc::clone(locks.entry(id.clone()).or_default());
        let ticket = Ticket {
            queue: self,
            id: id.clone(),
            lock: Some(Arc::clone(&lock)),
        };
        (lock, ticket)
    }
}

/// The last request of a session removes its lock.
impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut locks = lock(&self.queue.locks);
        // Tickets change under the map's mutex only, so the map's own reference is the last one.
        drop(self.lock.take());
        if locks
            .get(&self.id)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    impl SessionQueue {
        fn is_busy(&self, id: &SessionId) -> bool {
            lock(&self.locks).contains_key(id)
        }
    }

    #[tokio::test]
    async fn requests_write_in_the_order_of_their_arrival() {
        let queue = SessionQueue::default();
        let id = SessionId::generate();
        let first = queue.wait(&id).await;
        let order = Mutex::new(Vec::new());
        let waits = |number| {
            let (queue, id, order) = (&queue, &id, &order);
            async move {
                let _head = queue.wait(id).await;
                order.lock().unwrap().push(number);
            }
        };
        tokio::join!(waits(1), waits(2), waits(3), async {
            assert!(queue.is_busy(&id));
            drop(first);
        });
        assert_eq!(order.into_inner().unwrap(), [1, 2, 3]);
        assert!(!queue.is_busy(&id));
    }

    #[tokio::test]
    async fn other_sessions_do_not_wait() {
        let queue = SessionQueue::default();
        let (id, other) = (SessionId::generate(), SessionId::generate());
        let _first = queue.wait(&id).await;
        assert!(!queue.is_busy(&other));
        tokio::select! {
            biased;
            _ = queue.wait(&other) => {}
            () = std::future::ready(()) => panic!("the other session waits"),
        }
    }

    #[test]
    fn threads_that_write_leave_no_lock() {
        let queue = SessionQueue::default();
        let id = SessionId::generate();
        let alone = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let builder = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build();
                    builder.unwrap().block_on(async {
                        for _ in 0..2000 {
                            let head = queue.wait(&id).await;
                            assert_eq!(alone.fetch_add(1, Ordering::SeqCst), 0);
                            alone.fetch_sub(1, Ordering::SeqCst);
                            drop(head);
                        }
                    });
                });
            }
        });
        assert!(lock(&queue.locks).is_empty() && !queue.is_busy(&id));
    }

    #[tokio::test]
    async fn a_request_that_stops_waiting_leaves_no_lock() {
        let queue = SessionQueue::default();
        let id = SessionId::generate();
        let first = queue.wait(&id).await;
        tokio::select! {
            biased;
            _ = queue.wait(&id) => panic!("the queue has a head"),
            () = std::future::ready(()) => {}
        }
        assert!(queue.is_busy(&id));
        drop(first);
        assert!(!queue.is_busy(&id));
    }
}
