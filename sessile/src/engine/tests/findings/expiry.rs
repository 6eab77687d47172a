//! Sessions whose time passes while a request runs.
//!
//! | fault | tests |
//! | --- | --- |
//! | the idle timeout passes while a request runs, and its write is dropped | `a_change_is_stored_a_minute_after_the_idle_timeout`, `a_renewal_is_stored_a_minute_after_the_idle_timeout`, `a_read_is_served_after_the_idle_timeout`, `a_save_extends_the_life_of_a_session_in_a_long_request` |
//! | … and nothing is acknowledged later than that | `a_change_later_than_that_is_refused`, `a_purge_later_than_that_is_served` |
//! | … nor does an absolute timeout move | `a_change_after_the_absolute_timeout_does_not_bring_the_session_back` |

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

async fn opened() -> (World, String, Session) {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    world.clock.advance(DAY - MOMENT);
    let session = world.open(&cookie).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    (world, cookie, session)
}

#[tokio::test]
async fn a_change_is_stored_a_minute_after_the_idle_timeout() {
    let (world, cookie, session) = opened().await;
    world.clock.advance(MINUTE);
    increment(&session);
    world.commit(&session).await;
    world.clock.advance(DAY - MOMENT);
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_renewal_is_stored_a_minute_after_the_idle_timeout() {
    let (world, _, session) = opened().await;
    world.clock.advance(MINUTE);
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_read_is_served_after_the_idle_timeout() {
    let (world, cookie, session) = opened().await;
    world.clock.advance(2 * MINUTE);
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.id(&cookie).await, None);
}

#[tokio::test]
async fn a_save_extends_the_life_of_a_session_in_a_long_request() {
    let (world, cookie, session) = opened().await;
    increment(&session);
    session.save().await.unwrap();
    world.clock.advance(DAY);
    increment(&session);
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn a_change_later_than_that_is_refused() {
    let (world, cookie, session) = opened().await;
    world.clock.advance(MINUTE + MOMENT);
    increment(&session);
    world.refused(&session, SessionClosedError::Ended).await;
    assert_eq!(world.id(&cookie).await, None);
}

#[tokio::test]
async fn a_purge_later_than_that_is_served() {
    let (world, _, session) = opened().await;
    world.clock.advance(2 * MINUTE);
    session.purge();
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
}

#[tokio::test]
async fn a_change_after_the_absolute_timeout_does_not_bring_the_session_back() {
    let world =
        World::new(|settings| settings.absolute_timeout = Some(Duration::from_secs(24 * 3600)));
    let cookie = world.stored().await;
    world.clock.advance(DAY - MOMENT);
    let session = world.open(&cookie).await;
    world.clock.advance(MOMENT);
    increment(&session);
    world.commit(&session).await;
    assert_eq!(world.id(&cookie).await, None);
}
