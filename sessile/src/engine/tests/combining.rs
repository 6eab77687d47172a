//! Requests of one worker that store their changes in one update.

use std::{
    future::poll_fn,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use tokio::task::{JoinHandle, yield_now};

use super::*;

type Change = fn(&Session);
type Reply = Result<Option<String>, SessionFailure>;

/// Requests that wait in the queue of one session, in this order. The first one leads.
struct Queue {
    world: World,
    cookie: String,
    requests: Vec<JoinHandle<Reply>>,
}

impl Queue {
    /// No requests, and a stored session.
    async fn on(world: World) -> Self {
        Self {
            cookie: world.stored().await,
            world,
            requests: Vec::new(),
        }
    }

    /// The requests make these changes. The update of the first is in flight when the others come: it conflicts with
    /// nothing, and `fault` is what happens to it. The others wait until it is answered.
    async fn behind_a_direct_update(fault: Fault, changes: &[Change]) -> Self {
        let mut queue = Self::on(World::new(|_| {})).await;
        let sessions = queue.open(changes).await;
        queue.world.store.take_counts();
        queue.world.store.inject(fault);
        for session in sessions {
            queue.spawn(session);
            queue.settle().await;
        }
        queue
    }

    /// The requests make these changes. Another one has incremented `n` to 2 since they opened the session.
    ///
    /// If `waits`, the load of the first request waits for the others, so that its update stores the changes of all.
    /// Otherwise its update is in flight when the others join. In both cases `fault` is what happens to that update.
    async fn new(waits: bool, fault: Option<Fault>, changes: &[Change]) -> Self {
        let world = World::new(|settings| settings.max_state_bytes = 100);
        Self::of(world, waits, fault, changes).await
    }

    async fn of(world: World, waits: bool, fault: Option<Fault>, changes: &[Change]) -> Self {
        let mut queue = Self::on(world).await;
        let mut sessions = queue.open(changes).await.into_iter();
        let quick = queue.world.open(&queue.cookie).await;
        increment(&quick);
        queue.world.commit(&quick).await;
        let store = Arc::clone(&queue.world.store);
        store.take_counts();
        if waits {
            store.inject_into_load(Fault::Wait);
        }
        queue.spawn(sessions.next().unwrap());
        while store.take_counts().0 == 0 {
            yield_now().await;
        }
        if let Some(fault) = fault {
            store.inject(fault);
        }
        if !waits {
            while store.take_counts().1 == 0 {
                yield_now().await;
            }
        }
        for session in sessions {
            queue.spawn(session);
            queue.settle().await;
        }
        if waits {
            store.go_on.notify_one();
            while fault.is_some() && store.take_counts().1 == 0 {
                yield_now().await;
            }
        }
        store.take_counts();
        queue
    }

    /// Opens the session once for each change, and makes it.
    async fn open(&self, changes: &[Change]) -> Vec<Session> {
        let mut sessions = Vec::new();
        for change in changes {
            let session = self.world.open(&self.cookie).await;
            change(&session);
            sessions.push(session);
        }
        sessions
    }

    /// A request of another server increments `n`.
    async fn increment_on_another_server(&self) {
        let other = self.world.beside(&self.world.clock, |_| {});
        let session = other.open(&self.cookie).await;
        increment(&session);
        other.commit(&session).await;
    }

    fn spawn(&mut self, session: Session) {
        let manager = self.world.manager.clone();
        self.requests.push(tokio::spawn(async move {
            let committed = manager.commit(&session, &ResponseHead::to("POST")).await;
            committed.map(|headers| headers.set_cookie.as_ref().map(sent_back))
        }));
    }

    /// Lets the requests go on as far as they can.
    async fn settle(&self) {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    /// The client of this request disconnects.
    async fn leave(&mut self, index: usize) {
        let request = self.requests.remove(index);
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
    }

    async fn replies(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        for request in self.requests.drain(..) {
            replies.push(request.await.unwrap());
        }
        replies
    }

    /// Checks that exactly the requests with these indices fail, and returns their failures.
    async fn assert_failed(&mut self, failed: &[usize]) -> Vec<SessionFailure> {
        let mut failures = Vec::new();
        let mut indices = Vec::new();
        for (index, reply) in self.replies().await.into_iter().enumerate() {
            if let Err(failure) = reply {
                indices.push(index);
                failures.push(failure);
            }
        }
        assert_eq!(indices, failed, "{failures:?}");
        failures
    }

    /// Checks the value of `n`, and that no request is left in the queue.
    async fn assert_n(&self, n: u32) {
        assert_eq!(self.world.n(&self.cookie).await, Some(n));
        let id = self.world.id(&self.cookie).await.unwrap();
        assert!(!self.world.manager.0.writers.is_busy(&id));
    }
}

const FIVE: [Change; 5] = [increment; 5];

#[tokio::test]
async fn a_burst_of_requests_takes_two_updates_and_no_load() {
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &[increment as Change; 20]).await;
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    assert_eq!(queue.world.store.take_counts(), (0, 2));
    queue.assert_n(1 + 20).await;
}

/// The changes of a client that left may be stored. Those of the others are, once each.
#[tokio::test]
async fn requests_that_wait_for_a_direct_update_go_on_if_its_client_leaves() {
    let mut queue = Queue::behind_a_direct_update(Fault::Hang, &FIVE).await;
    queue.leave(0).await;
    queue.assert_failed(&[]).await;
    queue.assert_n(1 + 4).await;

    // The update of the client that left has happened.
    let mut queue = Queue::behind_a_direct_update(Fault::DoAndWait, &FIVE).await;
    queue.leave(0).await;
    queue.assert_failed(&[]).await;
    queue.assert_n(1 + 5).await;
}

/// A quarter of the timeout passes by itself, since the time is paused.
#[tokio::test(start_paused = true)]
async fn a_direct_update_that_hangs_is_not_waited_for() {
    let mut queue = Queue::behind_a_direct_update(Fault::Hang, &FIVE).await;
    let begun = tokio::time::Instant::now();
    let others = queue.requests.split_off(1);
    let hanging = std::mem::replace(&mut queue.requests, others);
    queue.assert_failed(&[]).await;
    assert_eq!(begun.elapsed().as_millis(), 250);
    assert_eq!(queue.world.n(&queue.cookie).await, Some(1 + 4));
    for request in hanging {
        assert_eq!(request.await.unwrap().unwrap_err().status(), 503);
    }
    queue.assert_n(1 + 4).await;
}

/// Its answer comes when another request has led and gone: it changes nothing for those that come then.
#[tokio::test(start_paused = true)]
async fn a_late_answer_to_a_direct_update_leaves_a_later_one_registered() {
    let mut queue =
        Queue::behind_a_direct_update(Fault::DoAndWait, &[increment as Change; 2]).await;
    let late = queue.requests.remove(0);
    queue.assert_failed(&[]).await;
    let session = queue.world.open(&queue.cookie).await;
    increment(&session);
    queue.world.store.inject(Fault::Hang);
    queue.spawn(session);
    queue.settle().await;
    queue.world.store.go_on.notify_one();
    assert!(late.await.unwrap().is_ok());
    // The one that hangs is still registered, so that this one waits for it.
    let session = queue.world.open(&queue.cookie).await;
    increment(&session);
    queue.world.store.take_counts();
    queue.spawn(session);
    queue.settle().await;
    assert_eq!(queue.world.store.take_counts(), (0, 0));
    queue.leave(0).await;
    queue.assert_failed(&[]).await;
    queue.assert_n(1 + 3).await;
}

#[tokio::test]
async fn a_request_whose_direct_update_conflicts_is_stored_with_the_others() {
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &FIVE).await;
    queue.increment_on_another_server().await;
    queue.world.store.take_counts();
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    // A load, and one update for all. The update that conflicts was sent before.
    assert_eq!(queue.world.store.take_counts(), (1, 1));
    queue.assert_n(1 + 6).await;
}

#[tokio::test]
async fn a_renewal_in_a_direct_update_supersedes_those_that_wait() {
    let renewal: Change = |session| session.renew();
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &[renewal, increment]).await;
    queue.world.store.go_on.notify_one();
    let failures = queue.assert_failed(&[1]).await;
    assert_eq!(failures[0].status(), 409);
}

/// A store that did not send the update a second time says nothing of the first time.
#[tokio::test]
async fn a_repeated_update_that_is_not_sent_stays_in_flight() {
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &[increment as Change; 4]).await;
    queue.world.store.take_counts();
    queue.world.store.inject(Fault::DoAndFail);
    queue.world.store.go_on.notify_one();
    while queue.world.store.take_counts().1 == 0 {
        yield_now().await;
    }
    queue.world.store.inject(Fault::NotSent);
    queue.assert_failed(&[1, 2]).await;
    queue.assert_n(1 + 4).await;
}

/// It learns nothing of the update of another request, which has its changes.
#[tokio::test]
async fn a_request_that_is_dropped_before_it_learns_the_outcome_is_stored_once() {
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &[increment as Change; 2]).await;
    let session = queue.world.open(&queue.cookie).await;
    increment(&session);
    let manager = queue.world.manager.clone();
    {
        let head = ResponseHead::to("POST");
        let mut committing = pin!(manager.commit(&session, &head));
        let is_ready = poll_fn(|cx| Poll::Ready(committing.as_mut().poll(cx).is_ready())).await;
        assert!(!is_ready);
        queue.world.store.go_on.notify_one();
        queue.assert_failed(&[]).await;
        assert_eq!(queue.world.n(&queue.cookie).await, Some(1 + 3));
    }
    session.reload().await.unwrap();
    assert_eq!(session.get("n"), Ok(Some(1 + 3)));
    session.save().await.unwrap();
    queue.assert_n(1 + 3).await;
}

/// The leader that is woken hangs, and lets another request lead at once.
#[tokio::test(start_paused = true)]
async fn a_leader_that_hangs_passes_its_wake_up_on() {
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &[increment as Change; 4]).await;
    queue.world.store.take_counts();
    queue.world.store.inject(Fault::Hang);
    queue.world.store.go_on.notify_one();
    while queue.world.store.take_counts().1 == 0 {
        yield_now().await;
    }
    // The others wait for the direct update for a quarter of the timeout, and for its successor for another one. Then one of
    // them repeats the update, and the store fails.
    queue.world.store.inject(Fault::Fail);
    let begun = tokio::time::Instant::now();
    queue.assert_failed(&[2]).await;
    assert_eq!(begun.elapsed().as_millis(), 500);
    queue.assert_n(1 + 4).await;
}

/// A load and an update together take longer than a quarter of the timeout, and neither does alone: each update is sent once.
#[tokio::test(start_paused = true)]
async fn an_update_is_not_repeated_because_the_load_before_it_took_long() {
    let mut queue = Queue::behind_a_direct_update(Fault::Wait, &FIVE).await;
    // So that the direct update conflicts.
    queue.increment_on_another_server().await;
    queue.world.store.take_counts();
    queue.world.store.set_latency(Duration::from_millis(150));
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    assert_eq!(queue.world.store.take_counts(), (1, 1));
    queue.world.store.set_latency(Duration::ZERO);
    queue.assert_n(1 + 6).await;
}

/// Its loads take longer than a quarter of the timeout, after which other requests lead.
#[tokio::test(start_paused = true)]
async fn all_changes_are_stored_if_the_store_is_slow() {
    for latency in [100, 240, 260, 300] {
        let mut queue = Queue::on(World::new(|_| {})).await;
        for session in queue.open(&[increment as Change; 10]).await {
            queue.spawn(session);
        }
        queue
            .world
            .store
            .set_latency(Duration::from_millis(latency));
        queue.assert_failed(&[]).await;
        queue.world.store.set_latency(Duration::ZERO);
        queue.assert_n(1 + 10).await;
    }
}

#[tokio::test]
async fn all_waiting_requests_are_stored_in_one_update() {
    let mut queue = Queue::new(false, Some(Fault::Wait), &[increment as Change; 30]).await;
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    // One update for all but the first, on the state that the first one stored.
    assert_eq!(queue.world.store.take_counts(), (0, 1));
    queue.assert_n(2 + 30).await;
}

/// A clock that panics once, when the test says so.
#[derive(Clone, Default)]
struct PanickingClock {
    time: ManualClock,
    panics: Arc<AtomicBool>,
}

impl clock::Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the clock");
        self.time.now()
    }
}

#[tokio::test]
async fn a_leader_that_panics_fails_alone() {
    let clock = PanickingClock::default();
    let world = World::new(|settings| *settings = settings.clone().clock(clock.clone()));
    let mut queue = Queue::of(world, true, None, &FIVE).await;
    // The first request reads the clock when it has replayed the changes of all.
    clock.panics.store(true, Ordering::SeqCst);
    let first = queue.requests.remove(0);
    assert!(first.await.unwrap_err().is_panic());
    queue.assert_failed(&[]).await;
    queue.assert_n(2 + 4).await;
}

#[tokio::test]
async fn the_first_and_all_that_come_while_it_loads_are_stored_in_one_update() {
    let mut queue = Queue::new(true, None, &FIVE).await;
    queue.assert_failed(&[]).await;
    assert_eq!(queue.world.store.take_counts(), (0, 1));
    queue.assert_n(2 + 5).await;
}

/// The next request repeats the update, whether or not it was stored, and no change is applied twice.
#[tokio::test]
async fn the_changes_of_the_others_survive_a_leader_that_leaves_or_fails() {
    for waits in [false, true] {
        let mut queue = Queue::new(waits, Some(Fault::Hang), &FIVE).await;
        queue.leave(0).await;
        queue.assert_failed(&[]).await;
        queue.assert_n(2 + 5).await;
        for fault in [Fault::Fail, Fault::DoAndFail] {
            let mut queue = Queue::new(waits, Some(fault), &FIVE).await;
            let failures = queue.assert_failed(&[0]).await;
            assert_eq!(failures[0].status(), 503);
            queue.assert_n(2 + 5).await;
        }
    }
}

#[tokio::test]
async fn an_update_that_was_not_sent_is_made_again_without_the_changes_of_its_leader() {
    for waits in [false, true] {
        let mut queue = Queue::new(waits, Some(Fault::NotSent), &FIVE).await;
        queue.assert_failed(&[0]).await;
        queue.assert_n(2 + 4).await;
    }
}

#[tokio::test]
async fn a_leader_whose_load_fails_fails_alone() {
    let mut queue = Queue::new(true, None, &[increment]).await;
    queue.assert_failed(&[]).await;
    let (world, cookie) = (&queue.world, &queue.cookie);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let session = world.open(cookie).await;
        increment(&session);
        sessions.push(session);
    }
    let quick = world.open(cookie).await;
    increment(&quick);
    world.commit(&quick).await;
    world.store.inject_into_load(Fault::Fail);
    for session in sessions {
        queue.spawn(session);
    }
    queue.assert_failed(&[0]).await;
    queue.assert_n(4 + 2).await;
}

/// A quarter of the timeout passes by itself, since the time is paused.
#[tokio::test(start_paused = true)]
async fn a_leader_whose_update_hangs_is_replaced() {
    // Those that waited for the load before the update wait for another quarter.
    for (waits, millis) in [(false, 250), (true, 500)] {
        let mut queue = Queue::new(waits, Some(Fault::Hang), &FIVE).await;
        let begun = tokio::time::Instant::now();
        queue.assert_failed(&[]).await;
        assert_eq!(begun.elapsed().as_millis(), millis);
        queue.assert_n(2 + 5).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_load_hangs_is_replaced() {
    let mut queue = Queue::new(false, Some(Fault::Wait), &[increment]).await;
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    let session = queue.world.open(&queue.cookie).await;
    increment(&session);
    let other = queue.world.open(&queue.cookie).await;
    increment(&other);
    let quick = queue.world.open(&queue.cookie).await;
    increment(&quick);
    queue.world.commit(&quick).await;
    queue.world.store.inject_into_load(Fault::Hang);
    queue.spawn(session);
    queue.settle().await;
    queue.spawn(other);
    queue.assert_failed(&[]).await;
    queue.assert_n(3 + 3).await;
}

#[tokio::test]
async fn a_request_that_leaves_while_it_waits_changes_nothing() {
    let mut queue = Queue::new(false, Some(Fault::Wait), &FIVE).await;
    queue.leave(2).await;
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    queue.assert_n(2 + 4).await;
}

/// Its changes are in the update of another request.
#[tokio::test]
async fn the_changes_of_a_request_that_leaves_during_the_update_are_stored() {
    let mut queue = Queue::new(true, Some(Fault::Wait), &FIVE).await;
    queue.leave(2).await;
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    queue.assert_n(2 + 5).await;
}

/// Fails if `n` is more than 1.
fn fragile(session: &Session) {
    session
        .update("n", |n: u32| if n > 1 { panic!("a bug") } else { n + 1 })
        .unwrap();
}

fn large(session: &Session) {
    session.insert("large", "x".repeat(80)).unwrap();
    session.insert("m", 1).unwrap();
}

fn also_large(session: &Session) {
    session.insert("also_large", "x".repeat(80)).unwrap();
    session.insert("m", 2).unwrap();
}

#[tokio::test]
async fn changes_that_do_not_fit_fail_alone_and_leave_nothing() {
    let changes = [increment, fragile, large, also_large, increment];
    for waits in [false, true] {
        let mut queue = Queue::new(waits, (!waits).then_some(Fault::Wait), &changes).await;
        queue.world.store.go_on.notify_one();
        let failures = queue.assert_failed(&[1, 3]).await;
        assert!(matches!(cause(&failures[0]), CommitError::Merge(_)));
        assert!(matches!(cause(&failures[1]), CommitError::StateTooLarge(_)));
        queue.assert_n(2 + 2).await;
        let session = queue.world.open(&queue.cookie).await;
        assert_eq!(session.get("m").unwrap(), Some(1));
        assert!(!session.contains_key("also_large"));
    }
}

#[tokio::test]
async fn a_renewal_is_stored_alone_and_supersedes_those_behind_it() {
    let changes = [
        increment,
        increment,
        Session::renew,
        increment,
        Session::renew,
    ];
    for waits in [false, true] {
        let mut queue = Queue::new(waits, (!waits).then_some(Fault::Wait), &changes).await;
        queue.world.store.go_on.notify_one();
        let replies = queue.replies().await;
        let [
            Ok(None),
            Ok(None),
            Ok(Some(renewed)),
            Err(refused),
            Ok(Some(second)),
        ] = &*replies
        else {
            panic!("{replies:?}");
        };
        assert_eq!(refused.status(), 409);
        assert_eq!(queue.world.n(renewed).await, Some(2 + 2));
        // A second sign-in begins another session, from what it loaded.
        assert_eq!(queue.world.n(second).await, Some(1));
        assert_ne!(queue.world.id(renewed).await, queue.world.id(second).await);
        assert_eq!(queue.world.id(&queue.cookie).await, None);
    }
}

#[tokio::test]
async fn a_purge_does_not_wait_and_the_waiting_requests_are_refused() {
    for waits in [false, true] {
        let mut queue = Queue::new(waits, Some(Fault::Wait), &FIVE).await;
        let out = queue.world.open(&queue.cookie).await;
        out.purge();
        queue.world.commit(&out).await;
        queue.world.store.go_on.notify_one();
        for failure in queue.assert_failed(&[0, 1, 2, 3, 4]).await {
            assert_eq!(failure.status(), 409);
        }
        assert_eq!(queue.world.store.memory.len(), 0);
    }
}

/// The first request to send it may have succeeded before the other server's update.
#[tokio::test]
async fn a_conflict_of_a_repeated_update_is_unknown_to_all_whose_changes_it_has() {
    let mut queue = Queue::new(true, Some(Fault::Hang), &FIVE).await;
    let server = queue.world.beside(&queue.world.clock, |_| {});
    let session = server.open(&queue.cookie).await;
    increment(&session);
    server.commit(&session).await;
    queue.leave(0).await;
    for failure in queue.assert_failed(&[0, 1, 2, 3]).await {
        assert!(matches!(cause(&failure), CommitError::Unknown));
        assert_eq!(failure.status(), 503);
    }
    queue.assert_n(3).await;
}

#[tokio::test]
async fn a_conflict_of_an_update_that_was_not_repeated_is_merged() {
    let mut queue = Queue::new(true, Some(Fault::Wait), &FIVE).await;
    let server = queue.world.beside(&queue.world.clock, |_| {});
    let session = server.open(&queue.cookie).await;
    increment(&session);
    server.commit(&session).await;
    queue.world.store.go_on.notify_one();
    queue.assert_failed(&[]).await;
    queue.assert_n(3 + 5).await;
}

/// The update with the changes of the handle may have been stored without its knowledge. The handle then saves again.
#[tokio::test]
async fn a_retry_after_an_update_for_several_requests_counts_once() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        let quick = world.open(&cookie).await;
        increment(&quick);
        world.commit(&quick).await;
        world.store.take_counts();
        let (saved, ()) = tokio::join!(session.save(), async {
            while world.store.take_counts().0 == 0 {
                yield_now().await;
            }
            world.store.inject(fault);
        });
        assert!(saved.is_err());
        session.save().await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(3), "{fault:?}");
    }
}

/// The last update of the queue is older than that renewal.
#[tokio::test]
async fn a_request_that_opened_the_session_after_another_server_renewed_it_is_not_superseded() {
    let changes: [Change; 2] = [increment, increment];
    let mut queue = Queue::new(false, Some(Fault::DoAndWait), &changes).await;
    let server = queue.world.beside(&queue.world.clock, |_| {});
    let session = server.open(&queue.cookie).await;
    session.renew();
    let renewed = server.commit(&session).await.unwrap();
    let late = queue.world.open(&renewed).await;
    increment(&late);
    queue.spawn(late);
    queue.settle().await;
    queue.world.store.go_on.notify_one();
    let failures = queue.assert_failed(&[1]).await;
    assert_eq!(failures[0].status(), 409);
    assert_eq!(queue.world.n(&renewed).await, Some(4));
}

/// The load began before another server renewed the session, and its reply arrives after that.
#[tokio::test]
async fn a_request_that_opened_a_renewed_session_during_a_slow_load_is_not_superseded() {
    let mut queue = Queue::on(World::new(|_| {})).await;
    let server = queue.world.beside(&queue.world.clock, |_| {});
    let renewing = server.open(&queue.cookie).await;
    let changes: [Change; 2] = [increment, increment];
    let mut sessions = queue.open(&changes).await.into_iter();
    queue.increment_on_another_server().await;
    queue.world.store.inject_into_load(Fault::DoAndWait);
    queue.spawn(sessions.next().unwrap());
    queue.settle().await;
    renewing.renew();
    let renewed = server.commit(&renewing).await.unwrap();
    let new = queue.world.open(&renewed).await;
    increment(&new);
    queue.spawn(new);
    queue.settle().await;
    // One more with the old cookie.
    queue.spawn(sessions.next().unwrap());
    queue.settle().await;
    queue.world.store.go_on.notify_one();
    for failure in queue.assert_failed(&[0, 2]).await {
        assert_eq!(failure.status(), 409);
    }
    assert_eq!(queue.world.n(&renewed).await, Some(2 + 1));
}

/// It does not leave them to be repeated: a conflict would then be unknown.
#[tokio::test]
async fn a_leader_whose_own_changes_do_not_fit_stores_those_of_the_others() {
    let mut queue = Queue::new(true, Some(Fault::Wait), &[fragile, increment]).await;
    let server = queue.world.beside(&queue.world.clock, |_| {});
    let session = server.open(&queue.cookie).await;
    increment(&session);
    server.commit(&session).await;
    queue.world.store.go_on.notify_one();
    let failures = queue.assert_failed(&[0]).await;
    assert!(matches!(cause(&failures[0]), CommitError::Merge(_)));
    queue.assert_n(3 + 1).await;
}

/// Another thread drops the request while the leader replays its changes, which fails. The changes are not in the update,
/// and the session must not take them for stored.
#[tokio::test]
async fn changes_of_a_request_that_leaves_while_they_are_replayed_are_not_taken_for_stored() {
    for fails in [false, true] {
        let mut queue = Queue::on(World::new(|_| {})).await;
        let mut sessions = queue.open(&[increment, |_| {}]).await.into_iter();
        let (leader, leaving) = (sessions.next().unwrap(), sessions.next().unwrap());
        let commit: Arc<Mutex<Option<BoxFuture<'static, ()>>>> = Arc::default();
        let held = Arc::clone(&commit);
        leaving
            .update("n", move |n: u32| {
                let dropped = held.lock().unwrap().take();
                assert!(dropped.is_none() || !fails, "the replay fails");
                n + 10
            })
            .unwrap();
        queue.increment_on_another_server().await;
        queue.world.store.inject_into_load(Fault::Wait);
        queue.spawn(leader);
        queue.settle().await;
        let saving = leaving.clone();
        let mut saved: BoxFuture<'static, ()> = Box::pin(async move {
            saving.save().await.unwrap();
        });
        assert!(poll_fn(|cx| Poll::Ready(saved.as_mut().poll(cx).is_pending())).await);
        *commit.lock().unwrap() = Some(saved);
        queue.world.store.go_on.notify_one();
        queue.assert_failed(&[]).await;
        assert!(commit.lock().unwrap().is_none());
        queue.assert_n(2 + 1).await;
        leaving.save().await.unwrap();
        queue.assert_n(2 + 1 + 10).await;
    }
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn conflicts_and_the_sizes_of_combined_updates_are_recorded() {
    let recorded = crate::recorded::Recorded::start();
    let mut queue = Queue::new(true, None, &[increment, increment, increment]).await;
    for reply in queue.replies().await {
        reply.unwrap();
    }
    assert_eq!(queue.world.n(&queue.cookie).await, Some(5));
    // The update of the first request conflicted, and one update stored the changes of all three.
    assert_eq!(recorded.take("conflicts"), ["conflicts_total 1"]);
    assert_eq!(recorded.take("combined"), ["combined_writes 1"]);
}
