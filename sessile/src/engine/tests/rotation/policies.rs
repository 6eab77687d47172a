//! Rotation together with other settings.

use super::*;

/// What only is for the rotation extends no session.
#[tokio::test]
async fn under_on_state_changes_a_rotation_extends_nothing() {
    let (world, first) = session_with(|settings| {
        settings.lifecycle = PersistentSession::default()
            .session_ttl(time::Duration::seconds(60))
            .into();
    })
    .await;
    let expires_at = world.open(&first).await.expires_at();
    let mut cookie = first;
    for _ in 0..5 {
        cookie = world.begun(&cookie).await;
        assert_eq!(world.read(&cookie).await, None);
    }
    assert_eq!(world.open(&cookie).await.expires_at(), expires_at);
    world.clock.advance(INTERVAL);
    assert!(!world.is_open(&cookie).await);
}

#[tokio::test]
async fn under_on_every_request_each_response_has_the_newest_secret() {
    let (world, first) = session_with(touching).await;
    let early = world.read(&first).await.unwrap();
    assert!(world.is_same(&early, &first));
    let second = world.begun(&first).await;
    for cookie in [&first, &second, &first, &second] {
        let sent = world.read(cookie).await.unwrap();
        assert!(world.is_same(&sent, &second));
    }
}

/// The browser has a newer secret, which this server does not know.
#[tokio::test]
async fn a_slow_request_does_not_send_an_old_secret() {
    for policy in [persistent, touching] {
        let (world, first) = session_with(policy).await;
        let slow = [world.open(&first).await, world.open(&first).await];
        let second = world.begun(&first).await;
        world.read(&second).await;
        world.clock.advance(GRACE);
        world.read(&second).await;
        assert!(!world.is_open(&first).await);

        let [writing, reading] = slow;
        increment(&writing);
        assert_eq!(world.commit(&writing).await, None);
        assert_eq!(world.answer(&reading, "GET").await.unwrap(), None);
        assert_eq!(world.n(&second).await, Some(2));
    }
}

#[tokio::test]
async fn a_lazy_session_that_is_not_used_is_not_rotated() {
    let (world, first) = session_with(load_lazily).await;
    world.clock.advance(INTERVAL);
    let unused = world.open(&first).await;
    assert_eq!(world.answer(&unused, "GET").await.unwrap(), None);
    assert_eq!(world.store.take_counts(), (0, 0));

    let used = world.open(&first).await;
    used.load().await.unwrap();
    let second = world.answer(&used, "GET").await.unwrap().unwrap();
    assert_eq!(world.store.take_counts(), (1, 1));
    let used = world.open(&second).await;
    used.load().await.unwrap();
    increment(&used);
    assert_eq!(world.commit(&used).await, None);
    assert_eq!(world.store.take_counts(), (1, 1));
}

/// The cookie came before the end of the grace period, and was judged after it.
#[tokio::test]
async fn a_lazy_session_counts_from_the_beginning_of_its_request() {
    let (world, first) = session_with(load_lazily).await;
    world.clock.advance(INTERVAL);
    let session = world.open(&first).await;
    session.load().await.unwrap();
    let second = world.commit(&session).await.unwrap();
    let [promoting, slow] = [world.open(&second).await, world.open(&second).await];
    promoting.load().await.unwrap();
    world.commit(&promoting).await;
    world.clock.advance(GRACE);
    slow.load().await.unwrap();
    world.commit(&slow).await;
    let former = world.open(&first).await;
    former.load().await.unwrap();
    assert_eq!(former.get("n").unwrap(), Some(1));
}

#[tokio::test]
async fn a_save_rotates_and_the_response_carries_the_secret() {
    let (world, first) = session().await;
    world.clock.advance(INTERVAL);
    let session = world.open(&first).await;
    increment(&session);
    session.save().await.unwrap();
    increment(&session);
    session.save().await.unwrap();
    let second = world.commit(&session).await.unwrap();
    assert!(!world.is_same(&second, &first));

    // The save of a request with the pending secret makes it the current one.
    let session = world.open(&second).await;
    increment(&session);
    session.save().await.unwrap();
    let id = world.id(&second).await.unwrap();
    let secrets = world.record(&id).await.unwrap().secrets.unwrap();
    assert_eq!(secrets.current, world.secret(&second).digest());
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.n(&second).await, Some(4));
}

/// A stream or a socket keeps its handle for longer than several rotations.
#[tokio::test]
async fn a_handle_that_outlives_its_secret_goes_on() {
    let (world, first) = session().await;
    let stream = world.open(&first).await;
    world.answer(&stream, "GET").await.unwrap();
    let mut cookie = first.clone();
    for n in 2..5 {
        cookie = world.begun(&cookie).await;
        world.read(&cookie).await;
        world.clock.advance(GRACE);
        world.read(&cookie).await;
        stream.reload().await.unwrap();
        increment(&stream);
        stream.save().await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(n));
        // It neither brings the old secret back, nor takes the new one away.
        assert!(!world.is_open(&first).await);
    }
}

/// The near cache has the record from before the rotation.
#[tokio::test]
async fn a_near_cache_turns_no_secret_away() {
    let (world, first) = session().await;
    let before = world.cached(&first).await;
    let second = world.begun(&first).await;
    let begun = world.cached(&first).await;

    world.store.serve_cached(Some(before));
    assert_eq!(world.read(&second).await, None);
    // Another request has made it the current one since.
    world.store.serve_cached(Some(begun));
    assert_eq!(world.read(&second).await, None);
    let again = world.read(&first).await.unwrap();
    assert!(world.is_same(&again, &second));

    world.store.serve_cached(None);
    world.clock.advance(GRACE);
    assert_eq!(world.read(&second).await, None);
    assert!(!world.is_open(&first).await);
}

impl World {
    async fn cached(&self, cookie: &str) -> Loaded {
        let id = self.id(cookie).await.unwrap();
        let loaded = self.store.memory.load(&id, None, Freshness::Current).await;
        loaded.unwrap().unwrap()
    }
}
