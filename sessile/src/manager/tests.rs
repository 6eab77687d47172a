use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    Clock as _, ManualClock, Record, SessionClosedError, SessionReloadError, SessionStatus,
    config::{PersistentSession, TtlExtensionPolicy},
    storage::{MemorySessionStore, StoreError, Stored, Swap, Version},
};

/// What the store is to do wrong with its next write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Fail, and do nothing.
    Fail,
    /// Do it, and then report a failure.
    DoAndFail,
    /// Never answer.
    Hang,
    /// Do it when told to.
    Wait,
}

/// A real store that counts what it is asked, and fails when told to.
struct Faulty {
    store: MemorySessionStore,
    next_write: Mutex<Option<Fault>>,
    go_on: tokio::sync::Notify,
    loads: AtomicU32,
    writes: AtomicU32,
}

impl Faulty {
    fn inject(&self, fault: Fault) {
        *self.next_write.lock().unwrap() = Some(fault);
    }

    fn counts(&self) -> (u32, u32) {
        let take = |counter: &AtomicU32| counter.swap(0, Ordering::SeqCst);
        (take(&self.loads), take(&self.writes))
    }

    async fn write<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let fault = self.next_write.lock().unwrap().take();
        let failure = || Err(StoreError::new(StoreErrorKind::Unavailable, "a fault"));
        match fault {
            None => operation.await,
            Some(Fault::Fail) => failure(),
            Some(Fault::DoAndFail) => {
                operation.await?;
                failure()
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Wait) => {
                self.go_on.notified().await;
                operation.await
            }
        }
    }
}

impl SessionStore for Faulty {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.store.load(key).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        self.write(self.store.create(record, ttl)).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.write(self.store.update(key, version, record, ttl))
            .await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.write(self.store.renew(key, version, record, ttl))
            .await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.write(self.store.delete(key)).await
    }
}

/// A server, and a browser that keeps its cookie.
struct World {
    manager: SessionManager<Arc<Faulty>>,
    store: Arc<Faulty>,
    clock: ManualClock,
}

impl World {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ManualClock::default();
        let store = Arc::new(Faulty {
            store: MemorySessionStore::builder().clock(clock.clone()).build(),
            next_write: Mutex::new(None),
            go_on: tokio::sync::Notify::new(),
            loads: AtomicU32::new(0),
            writes: AtomicU32::new(0),
        });
        let mut settings = Settings::default().with_clock(clock.clone());
        change(&mut settings);
        let manager =
            SessionManager::new(Arc::clone(&store), SealingKey::generate(), settings).unwrap();
        Self {
            manager,
            store,
            clock,
        }
    }

    async fn open(&self, cookie: &str) -> Session {
        self.manager.open([cookie.as_bytes()]).await.unwrap()
    }

    async fn commit(&self, session: &Session) -> Option<String> {
        let set_cookie = self.manager.commit(session).await.unwrap()?;
        Some(set_cookie.as_str().split(';').next().unwrap().to_owned())
    }

    /// A stored session with `n` = 1, as the cookie that names it.
    async fn stored(&self) -> String {
        let session = self.open("").await;
        session.insert("n", 1).unwrap();
        let cookie = self.commit(&session).await.unwrap();
        self.store.counts();
        cookie
    }

    async fn n(&self, cookie: &str) -> Option<u32> {
        self.open(cookie).await.get("n").unwrap()
    }
}

fn increment(session: &Session) {
    session.update("n", |n: u32| n + 1).unwrap();
}

#[tokio::test]
async fn round_trips_are_as_few_as_can_be() {
    let world = World::new(|_| {});
    let anonymous = world.open("").await;
    assert_eq!(world.commit(&anonymous).await, None);
    assert_eq!(world.store.counts(), (0, 0));

    let cookie = world.stored().await;
    type Handler = fn(&Session);
    let handlers: [(Handler, (u32, u32)); 4] = [
        (|session| assert!(session.contains_key("n")), (1, 0)),
        (increment, (1, 1)),
        (|session| session.insert("m", 1).unwrap(), (1, 1)),
        (Session::purge, (1, 1)),
    ];
    for (handler, counts) in handlers {
        let session = world.open(&cookie).await;
        handler(&session);
        world.commit(&session).await;
        assert_eq!(world.store.counts(), counts);
    }
}

#[tokio::test]
async fn requests_that_overlap_lose_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", 1).unwrap();
    increment(&one);
    other.insert("other", 2).unwrap();
    increment(&other);
    world.commit(&one).await;
    world.commit(&other).await;

    let merged = world.open(&cookie).await;
    assert_eq!(merged.get("one").unwrap(), Some(1));
    assert_eq!(merged.get("other").unwrap(), Some(2));
    assert_eq!(merged.get("n").unwrap(), Some(3));
    // What was committed last sees what it was merged with.
    assert_eq!(other.get("one").unwrap(), Some(1));
}

#[tokio::test]
async fn the_last_insert_of_one_name_wins() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("n", 10).unwrap();
    other.insert("n", 20).unwrap();
    world.commit(&other).await;
    world.commit(&one).await;
    assert_eq!(world.n(&cookie).await, Some(10));
}

#[tokio::test]
async fn signing_out_wins_over_what_is_under_way() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (slow, renewing, out) = (
        world.open(&cookie).await,
        world.open(&cookie).await,
        world.open(&cookie).await,
    );
    out.purge();
    assert_eq!(world.commit(&out).await.as_deref(), Some("id="));

    increment(&slow);
    renewing.insert("user", "ferris").unwrap();
    renewing.renew();
    assert_eq!(world.commit(&slow).await, None);
    assert_eq!(world.commit(&renewing).await, None);
    assert_eq!(world.n(&cookie).await, None);
    let ended = SessionClosedError::Ended;
    assert_eq!(
        slow.insert("n", 1).unwrap_err().source,
        crate::WriteError::Closed(ended)
    );
}

#[tokio::test]
async fn signing_out_wins_over_a_write_it_did_not_see() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (out, quick) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&quick);
    world.commit(&quick).await;
    out.purge();
    world.commit(&out).await;
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn an_old_key_never_reaches_what_was_stored_after_renewal() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (slow, login) = (world.open(&old).await, world.open(&old).await);
    login.insert("user", "ferris").unwrap();
    login.renew();
    let new = world.commit(&login).await.unwrap();
    assert_ne!(new, old);

    slow.insert("evil", 1).unwrap();
    assert_eq!(world.commit(&slow).await, None);
    assert!(world.open(&old).await.entries().is_empty());
    let session = world.open(&new).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert!(session.contains_key("user") && !session.contains_key("evil"));
}

#[tokio::test]
async fn a_renewal_takes_along_what_others_wrote_meanwhile() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (login, quick) = (world.open(&old).await, world.open(&old).await);
    increment(&quick);
    world.commit(&quick).await;
    login.renew();
    let new = world.commit(&login).await.unwrap();
    assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(2)));
}

#[tokio::test]
async fn an_update_that_no_longer_fits_is_refused_and_stores_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("n", "text").unwrap();
    world.commit(&one).await;
    increment(&other);
    other.insert("m", 1).unwrap();
    let error = world.manager.commit(&other).await.unwrap_err();
    assert!(matches!(error, CommitError::Merge(_)) && !error.is_store_failure());
    assert!(!world.open(&cookie).await.contains_key("m"));
}

#[tokio::test]
async fn a_state_that_only_merging_makes_too_large_is_refused() {
    let world = World::new(|settings| settings.max_state_bytes = 40);
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", "x".repeat(20)).unwrap();
    other.insert("other", "x".repeat(20)).unwrap();
    world.commit(&one).await;
    let error = world.manager.commit(&other).await.unwrap_err();
    assert!(matches!(error, CommitError::StateTooLarge(_)), "{error:?}");
}

#[tokio::test]
async fn sessions_end_by_the_clock_whatever_the_store_still_holds() {
    let day = Duration::from_secs(24 * 60 * 60);
    let world = World::new(|settings| settings.absolute_timeout = Some(time::Duration::days(2)));
    let cookie = world.stored().await;
    let created = world.clock.now();

    world.clock.advance(day - Duration::from_millis(1));
    let session = world.open(&cookie).await;
    assert_eq!(session.created_at(), Some(created));
    assert_eq!(session.expires_at(), Some(created.saturating_add(day)));
    increment(&session);
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    // Renewed, and yet two days after it was created it ends.
    assert_eq!(session.created_at(), Some(created));
    world.clock.advance(day - Duration::from_millis(1));
    let session = world.open(&cookie).await;
    increment(&session);
    world.commit(&session).await;
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.n(&cookie).await, Some(3));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_session_whose_time_runs_out_while_it_is_used_is_not_brought_back() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn reading_extends_life_with_few_writes_and_never_too_late() {
    let world = World::new(|settings| {
        settings.lifecycle = PersistentSession::default()
            .session_ttl(time::Duration::seconds(100))
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
            .into();
        settings.touch_fraction = 0.1;
    });
    let cookie = world.stored().await;
    let mut writes = 0;
    for _ in 0..100 {
        world.clock.advance(Duration::from_secs(1));
        let session = world.open(&cookie).await;
        assert!(session.contains_key("n"));
        assert!(world.commit(&session).await.is_some());
        writes += world.store.counts().1;
    }
    assert_eq!(writes, 10);
    // Used last just before a touch was due: promised for 100 seconds from then.
    world.clock.advance(Duration::from_secs(9));
    let session = world.open(&cookie).await;
    world.commit(&session).await;
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(world.n(&cookie).await, Some(1));
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_failed_save_keeps_the_changes_for_the_commit() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Fail);
    assert!(session.save().await.is_err());
    assert_eq!(session.status(), SessionStatus::Changed);
    increment(&session);
    assert!(world.commit(&session).await.is_some());
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_never_made_twice() {
    for renewing in [false, true] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        if renewing {
            session.renew();
        }
        world.store.inject(Fault::DoAndFail);
        assert!(session.save().await.is_err());
        let error = world.manager.commit(&session).await.unwrap_err();
        assert!(matches!(error, CommitError::Uncertain), "{error:?}");
        if !renewing {
            assert_eq!(world.n(&cookie).await, Some(2));
        }
    }
}

#[tokio::test]
async fn a_save_that_nobody_waits_for_keeps_the_changes() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    session.renew();
    world.store.inject(Fault::Hang);
    let given_up = timeout::within(Duration::from_millis(1), session.save()).await;
    assert!(given_up.is_err());
    assert_eq!(session.status(), SessionStatus::Renewed);
    increment(&session);
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_not_waited_for() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Hang);
    let error = world.manager.commit(&session).await.unwrap_err();
    assert!(matches!(error, CommitError::Timeout { .. }) && error.is_store_failure());
    assert!(session.insert("n", 1).is_err());
}

#[tokio::test]
async fn what_is_saved_mid_request_is_there_for_others_and_committed_once() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!(world.store.counts(), (0, 1));

    // The commit has nothing to store, and the cookie of what was saved to send if it still lives.
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.store.counts(), (1, 0));
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_session_saved_and_then_purged_leaves_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    session.purge();
    session.save().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Purged);
    assert_eq!(world.n(&cookie).await, None);
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
}

#[tokio::test]
async fn a_handle_outlives_its_response() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let handle = world.open(&cookie).await;
    world.commit(&handle).await;

    let closed = handle.insert("m", 1).unwrap_err().source;
    assert_eq!(
        closed,
        crate::WriteError::Closed(SessionClosedError::Committed)
    );
    let save = handle.save().await;
    assert!(matches!(
        save,
        Err(SessionSaveError::Closed(SessionClosedError::Committed))
    ));

    let other = world.open(&cookie).await;
    increment(&other);
    world.commit(&other).await;
    handle.reload().await.unwrap();
    assert_eq!(handle.get("n").unwrap(), Some(2));
    increment(&handle);
    handle.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(3));

    // What needs a cookie is refused, and can still be seen to be pending.
    handle.renew();
    assert!(matches!(
        handle.save().await,
        Err(SessionSaveError::ResponseSent)
    ));
    assert_eq!(handle.status(), SessionStatus::Renewed);
}

#[tokio::test]
async fn reloading_puts_unsaved_changes_on_top() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&session);
    increment(&other);
    other.insert("other", 1).unwrap();
    world.commit(&other).await;
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(3));
    assert_eq!(session.get("other").unwrap(), Some(1));
    assert_eq!(session.status(), SessionStatus::Changed);
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn saving_and_reloading_an_ended_session_says_so() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (saving, reloading, out) = (
        world.open(&cookie).await,
        world.open(&cookie).await,
        world.open(&cookie).await,
    );
    out.purge();
    world.commit(&out).await;
    increment(&saving);
    let ended = SessionClosedError::Ended;
    assert!(matches!(saving.save().await, Err(SessionSaveError::Closed(why)) if why == ended));
    assert!(matches!(
        reloading.reload().await,
        Err(SessionReloadError::Closed(why)) if why == ended
    ));
    assert_eq!(world.commit(&saving).await, None);
    assert!(matches!(
        world.open("").await.reload().await,
        Err(SessionReloadError::NotStored)
    ));
}

#[tokio::test]
async fn two_handles_that_save_at_once_make_one_session() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    let other = session.clone();
    session.insert("one", 1).unwrap();
    other.insert("other", 2).unwrap();
    let (one, two) = tokio::join!(session.save(), other.save());
    one.unwrap();
    two.unwrap();
    let (_, writes) = world.store.counts();
    assert_eq!(writes, 1);
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.open(&cookie).await.entries().len(), 2);
}

#[tokio::test]
async fn a_reload_does_not_repeat_what_may_have_been_stored() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        world.store.inject(fault);
        assert!(session.save().await.is_err());
        let reloaded = session.reload().await;
        if fault == Fault::DoAndFail {
            assert!(matches!(reloaded, Err(SessionReloadError::Uncertain)));
            assert_eq!(session.status(), SessionStatus::Unchanged);
        } else {
            reloaded.unwrap();
        }
        assert_eq!(session.get("n").unwrap(), Some(2));
        session.save().await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(2));
        // What comes after is certain again.
        increment(&session);
        world.commit(&session).await;
        assert_eq!(world.n(&cookie).await, Some(3));
    }
}

#[tokio::test]
async fn a_refusal_by_the_engine_leaves_nothing_uncertain() {
    let world = World::new(|settings| settings.max_state_bytes = 40);
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", "x".repeat(20)).unwrap();
    other.insert("other", "x".repeat(20)).unwrap();
    world.commit(&one).await;
    assert!(other.save().await.is_err());
    other.insert("other", "x").unwrap();
    assert!(world.commit(&other).await.is_some());
    assert_eq!(world.open(&cookie).await.entries().len(), 3);
}

#[tokio::test]
async fn a_handle_of_a_request_that_renewed_can_save_later() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    session.reload().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    increment(&session);
    session.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_reload_waits_no_longer_than_the_timeout_for_its_turn() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    increment(&session);
    let _turn = session.flush(false).await;
    let reload = session.reload().await;
    assert!(matches!(
        reload,
        Err(SessionReloadError::Load(OpenError::Timeout { .. }))
    ));
}

#[tokio::test]
async fn what_does_not_fit_after_a_save_is_reported_by_the_commit_and_costs_no_key() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (session, other) = (world.open(&old).await, world.open(&old).await);
    other.insert("n", "text").unwrap();
    world.commit(&other).await;
    // A save is on its way when a handle adds an update that won't fit what it meets.
    session.renew();
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        increment(&session);
        world.store.go_on.notify_one();
    });
    saved.unwrap();
    let error = world.manager.commit(&session).await.unwrap_err();
    assert!(matches!(error, CommitError::Merge(_)), "{error:?}");
    let place = session.live().place.clone().unwrap();
    let loaded = world.store.load(&place.key).await.unwrap();
    assert!(loaded.is_some(), "the new key was lost");
}

#[tokio::test]
async fn signing_out_wins_over_a_renewal_that_was_under_way() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let (out, login) = (world.open(&old).await, world.open(&old).await);
    login.insert("user", "ferris").unwrap();
    login.renew();
    let new = world.commit(&login).await.unwrap();
    out.purge();
    world.commit(&out).await;
    assert!(world.open(&new).await.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_fails_does_not_fail_a_request_that_is_served_anyway() {
    for fault in [Fault::Fail, Fault::Hang] {
        let world = World::new(|settings| {
            settings.on_store_failure = StoreFailurePolicy::ServeEmpty;
            settings.touch_fraction = 0.0;
            settings.lifecycle = PersistentSession::default()
                .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
                .into();
        });
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        world.store.inject(fault);
        assert_eq!(world.commit(&session).await, None);
    }
}

fn touching_browser_session(settings: &mut Settings) {
    settings.touch_fraction = 0.0;
    settings.lifecycle = crate::config::BrowserSession::default()
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
        .into();
}

#[tokio::test]
async fn a_cookie_that_is_due_goes_out_whatever_else_the_commit_does() {
    for conflicting in [false, true] {
        let world = World::new(touching_browser_session);
        let old = world.stored().await;
        let session = world.open(&old).await;
        session.renew();
        session.save().await.unwrap();
        if conflicting {
            session.live().place.as_mut().unwrap().version = Version::new(77);
        }
        let new = world.commit(&session).await.expect("the cookie was lost");
        assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(1)));
    }
}

#[tokio::test]
async fn a_cookie_that_is_due_goes_out_when_the_commit_fails() {
    for policy in [
        StoreFailurePolicy::default(),
        StoreFailurePolicy::ServeEmpty,
    ] {
        let world = World::new(|settings| {
            touching_browser_session(settings);
            settings.on_store_failure = policy;
        });
        let session = world.open(&world.stored().await).await;
        session.renew();
        session.save().await.unwrap();
        world.store.inject(Fault::Fail);
        let cookie = match world.manager.commit(&session).await {
            Ok(cookie) => cookie,
            Err(_) => world.manager.due_cookie(&session),
        };
        let cookie = cookie.expect("the cookie was lost");
        let header = cookie.as_str().split(';').next().unwrap();
        assert_eq!(world.n(header).await, Some(1));
    }
}

#[tokio::test]
async fn a_renewal_that_failed_is_not_forgotten_by_a_reload() {
    let world = World::new(|_| {});
    let planted = world.stored().await;
    let session = world.open(&planted).await;
    session.insert("user", "ferris").unwrap();
    session.renew();
    world.store.inject(Fault::Fail);
    world.manager.commit(&session).await.unwrap_err();
    session.reload().await.unwrap();
    assert!(matches!(
        session.save().await,
        Err(SessionSaveError::ResponseSent)
    ));
    assert!(!world.open(&planted).await.contains_key("user"));
}

#[tokio::test]
async fn an_end_is_not_forgotten_by_an_uncertain_reload() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::DoAndFail);
    assert!(session.save().await.is_err());
    session.purge();
    session.reload().await.unwrap_err();
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_save_behind_one_that_found_the_session_ended_says_so_too() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, out) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&session);
    world.store.inject(Fault::Wait);
    let (first, second, ()) = tokio::join!(session.save(), session.save(), async {
        out.purge();
        world.commit(&out).await;
        world.store.go_on.notify_one();
    });
    for saved in [first, second] {
        assert!(matches!(
            saved,
            Err(SessionSaveError::Closed(SessionClosedError::Ended))
        ));
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        SessionManager::new(
            MemorySessionStore::default(),
            SealingKey::generate(),
            settings,
        )
        .err()
    };
    let not_positive = |setting| Some(SettingsError::NotPositive { setting });
    assert_eq!(refused(|_| {}), None);
    assert_eq!(
        refused(|s| s.absolute_timeout = Some(time::Duration::ZERO)),
        not_positive("absolute timeout")
    );
    assert_eq!(
        refused(|s| s.store_timeout = time::Duration::seconds(-1)),
        not_positive("store timeout")
    );
    assert_eq!(
        refused(|s| {
            s.lifecycle = PersistentSession::default()
                .session_ttl(time::Duration::seconds(-5))
                .into();
        }),
        not_positive("time to live")
    );
    for fraction in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let settings = Settings {
            touch_fraction: fraction,
            ..Settings::default()
        };
        assert_eq!(settings.check(), Err(SettingsError::TouchFraction));
    }
    assert_eq!(
        refused(|s| s.on_store_failure = StoreFailurePolicy::Respond { status: 200 }),
        Some(SettingsError::Status { status: 200 })
    );
    assert!(matches!(
        refused(|s| s.cookie_name = String::new()),
        Some(SettingsError::Cookie(_))
    ));
}

#[tokio::test]
async fn a_slow_reader_does_not_replace_the_cookie_of_a_renewed_session() {
    let world = World::new(|settings| {
        settings.lifecycle = PersistentSession::default()
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
            .into();
    });
    let old = world.stored().await;
    let (reader, saver, login) = (
        world.open(&old).await,
        world.open(&old).await,
        world.open(&old).await,
    );
    increment(&saver);
    saver.save().await.unwrap();
    login.renew();
    assert!(world.commit(&login).await.is_some());
    assert_eq!(world.commit(&reader).await, None);
    assert_eq!(world.commit(&saver).await, None);
}

#[tokio::test]
async fn what_was_written_while_a_save_found_the_session_ended_starts_no_new_one() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, out) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&session);
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        increment(&session);
        out.purge();
        world.commit(&out).await;
        world.store.go_on.notify_one();
    });
    assert!(matches!(
        saved,
        Err(SessionSaveError::Closed(SessionClosedError::Ended))
    ));
    assert_eq!(session.status(), SessionStatus::Changed);
    assert_eq!(world.commit(&session).await, None);
    // And asking once more changes nothing about that.
    assert_eq!(world.commit(&session).await, None);
    // Two loaded it, one tried to change it, and one deleted it.
    assert_eq!(world.store.counts(), (2, 2));
}
