//! Tests of when a connection is replaced, with the clock stopped.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use tokio::time::{advance, timeout};

use super::*;

/// Makes connections that have numbers.
#[derive(Default)]
struct Numbers {
    next: Arc<AtomicU32>,
    is_closed: Arc<AtomicBool>,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("it timed out")]
struct Fault;

impl From<TimedOut> for Fault {
    fn from(_: TimedOut) -> Self {
        Self
    }
}

impl Connect for Numbers {
    type Connection = u32;
    type Handle = u32;
    type Fault = Fault;

    const BACKEND: Backend = Backend::Redis;

    async fn connect(&self) -> Result<u32, Fault> {
        Ok(self.next.fetch_add(1, SeqCst))
    }

    fn backoff(&self) -> Backoff {
        Backoff::default()
    }

    fn closed(&self) -> Option<Fault> {
        self.is_closed.load(SeqCst).then_some(Fault)
    }

    fn handle(connection: &u32) -> u32 {
        *connection
    }

    fn is_broken(_connection: &u32) -> bool {
        false
    }

    fn not_connected(cause: Fault) -> Fault {
        cause
    }
}

const LIMIT: Duration = Duration::from_secs(1);

/// A request whose reply takes so long. Returns the number of its connection if it waits for the reply.
async fn request(
    connection: &SharedConnection<Numbers>,
    takes: Duration,
    patience: Duration,
) -> Option<u32> {
    timeout(patience, async {
        let in_flight = loop {
            if let Ok(in_flight) = connection.begin(Deadline::after(LIMIT)).await {
                break in_flight;
            }
            tokio::task::yield_now().await;
        };
        tokio::time::sleep(takes).await;
        let number = in_flight.handle;
        in_flight.answered();
        number
    })
    .await
    .ok()
}

const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_millis(60);

#[tokio::test(start_paused = true)]
async fn only_time_in_which_requests_wait_counts_as_silence() {
    let connection = PerRuntime::new(Numbers::default()).here();
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(0));
    // Clients that leave at once, half a minute apart.
    for _ in 0..20 {
        assert_eq!(request(&connection, LONG, SHORT).await, None);
        advance(LONGEST_IDLE / 2).await;
    }
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn clients_that_leave_one_after_the_other_detect_silence() {
    let connection = PerRuntime::new(Numbers::default()).here();
    for _ in 0..5 {
        assert_eq!(request(&connection, LIMIT, LONG).await, None);
    }
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(0));
    for _ in 0..9 {
        assert_eq!(request(&connection, LIMIT, LONG).await, None);
    }
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_idle_for_long_is_replaced() {
    let connection = PerRuntime::new(Numbers::default()).here();
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(0));
    advance(LONGEST_IDLE - 2 * SHORT).await;
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(0));
    advance(LONGEST_IDLE).await;
    assert_eq!(request(&connection, SHORT, LIMIT).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_a_connection_opens_no_other_one_once_the_store_is_closed() {
    let numbers = Numbers::default();
    let (next, is_closed) = (Arc::clone(&numbers.next), Arc::clone(&numbers.is_closed));
    let connections = PerRuntime::new(numbers);
    let connection = connections.here();
    let mut waiting = Box::pin(connection.begin(Deadline::after(LIMIT)));
    assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
    is_closed.store(true, SeqCst);
    connections.close();
    assert!(waiting.await.is_err());
    assert!(connections.here().prove().await.is_err());
    assert!(next.load(SeqCst) <= 1);
}
