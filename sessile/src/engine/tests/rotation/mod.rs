//! Timed rotation of the secrets: an interval of 10 seconds, a grace period of 2 seconds, and no allowance.

mod browser;
mod carrying;
mod policies;
mod racing;
mod random;
mod renewing;

use super::*;
use crate::{
    cookie::Content,
    record::{RotationStep, Secret},
};

const INTERVAL: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(2);

fn rotating(settings: &mut Settings) {
    settings.rotation_interval = Some(INTERVAL);
    settings.renewal_grace = GRACE;
    settings.clock_allowance = Duration::ZERO;
}

impl<S: SessionStore + Clone> World<S> {
    /// The secret in this cookie.
    fn secret(&self, cookie: &str) -> Secret {
        let value = cookie.split_once('=').unwrap().1.as_bytes();
        let unsealed = self.manager.0.cookie.unseal(value, || self.clock.now());
        match unsealed.unwrap().unwrap().content {
            Content::Key(key) => key.secret.unwrap(),
            Content::Record(_) => panic!("the cookie has no secret"),
        }
    }

    /// Whether both cookies have the same secret.
    fn is_same(&self, one: &str, other: &str) -> bool {
        self.secret(one) == self.secret(other)
    }

    async fn is_open(&self, cookie: &str) -> bool {
        self.id(cookie).await.is_some()
    }

    /// The cookie in the response to a `GET` that only reads the session.
    async fn read(&self, cookie: &str) -> Option<String> {
        let session = self.open(cookie).await;
        assert!(session.contains_key("n"), "the cookie opens no session");
        self.answer(&session, "GET").await.unwrap()
    }

    /// The cookie in the response to a `POST` that changes the session.
    async fn write(&self, cookie: &str) -> Option<String> {
        let session = self.open(cookie).await;
        increment(&session);
        self.commit(&session).await
    }

    /// Lets the interval pass, and has a request begin the rotation. The cookie with the pending secret.
    async fn begun(&self, cookie: &str) -> String {
        self.clock.advance(INTERVAL);
        let pending = self.read(cookie).await.expect("a rotation is due");
        assert!(!self.is_same(&pending, cookie));
        pending
    }
}

/// A world with rotation and a session in it, and its cookie.
async fn session_with(change: impl FnOnce(&mut Settings)) -> (World, String) {
    let world = World::new(|settings| {
        rotating(settings);
        change(settings);
    });
    let cookie = world.stored().await;
    world.store.take_counts();
    (world, cookie)
}

async fn session() -> (World, String) {
    session_with(|_| {}).await
}

#[tokio::test]
async fn a_secret_is_replaced_after_the_interval() {
    let (world, first) = session().await;
    world.clock.advance(INTERVAL - Duration::from_millis(1));
    assert_eq!(world.read(&first).await, None);
    assert_eq!(world.store.take_counts(), (1, 0));

    // A touch stores the pending secret. Both open the session.
    world.clock.advance(Duration::from_millis(1));
    let second = world.read(&first).await.unwrap();
    assert_eq!(world.store.take_counts(), (1, 1));
    assert!(world.is_open(&first).await && world.is_open(&second).await);

    // The first request with it makes it the current one.
    world.store.take_counts();
    assert_eq!(world.read(&second).await, None);
    assert_eq!(world.store.take_counts(), (1, 1));

    // The former one opens the session until the current one comes after the grace period.
    world.clock.advance(GRACE - Duration::from_millis(1));
    assert_eq!(world.read(&second).await, None);
    world.clock.advance(Duration::from_millis(1));
    assert!(world.is_open(&first).await);
    world.store.take_counts();
    assert_eq!(world.read(&second).await, None);
    assert_eq!(world.store.take_counts(), (1, 1));
    assert!(!world.is_open(&first).await);

    // Nothing is left to do until the interval has passed again.
    world.store.take_counts();
    assert_eq!(world.read(&second).await, None);
    assert_eq!(world.store.take_counts(), (1, 0));
    world.clock.advance(INTERVAL - GRACE);
    let third = world.read(&second).await.unwrap();
    assert!(!world.is_same(&third, &second));
}

#[tokio::test]
async fn a_change_rotates_in_the_same_update() {
    let (world, first) = session().await;
    world.clock.advance(INTERVAL);
    let second = world.write(&first).await.unwrap();
    assert_eq!(world.store.take_counts(), (1, 1));
    assert!(!world.is_same(&second, &first));

    assert_eq!(world.write(&second).await, None);
    assert_eq!(world.store.take_counts(), (1, 1));
    world.clock.advance(GRACE);
    assert_eq!(world.write(&second).await, None);
    assert_eq!(world.store.take_counts(), (1, 1));
    assert!(!world.is_open(&first).await);
    assert_eq!(world.n(&second).await, Some(4));
}

#[tokio::test]
async fn without_the_setting_nothing_is_rotated() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    world.store.take_counts();
    world.clock.advance(Duration::from_secs(20 * 60 * 60));
    assert_eq!(world.read(&cookie).await, None);
    assert_eq!(world.store.take_counts(), (1, 0));
    let id = world.id(&cookie).await.unwrap();
    assert!(!world.record(&id).await.unwrap().is_rotated());
}

/// The former server began a rotation. This one ends it, and begins no other.
#[tokio::test]
async fn a_server_without_the_setting_ends_a_rotation() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let off = world.beside(&world.clock, |settings| {
        rotating(settings);
        settings.rotation_interval = None;
    });
    assert_eq!(off.read(&first).await, None);
    assert_eq!(off.read(&second).await, None);
    off.clock.advance(GRACE);
    assert_eq!(off.read(&second).await, None);
    assert!(!off.is_open(&first).await);
    off.clock.advance(INTERVAL);
    assert_eq!(off.read(&second).await, None);
}
