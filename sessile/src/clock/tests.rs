use std::pin::pin;

use super::*;

#[test]
fn arithmetic_saturates() {
    let last = Timestamp(u64::MAX);
    assert_eq!(last.saturating_add(Duration::MAX), last);
    assert_eq!(Timestamp(0).saturating_duration_since(last), Duration::ZERO);
    assert!(SystemTime::from(last) >= UNIX_EPOCH);
    let clock = ManualClock::starting_at(Timestamp(1));
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), last);
}

#[test]
fn the_system_clock_shows_this_century() {
    assert!(SystemClock.now() > Timestamp::from_unix_millis(946_684_800_000));
}

#[test]
fn a_ready_future_starts_no_timer() {
    // There is no runtime here, so a timer would panic.
    let mut ready = pin!(within(Duration::ZERO, async { 1 }));
    let mut cx = Context::from_waker(std::task::Waker::noop());
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
