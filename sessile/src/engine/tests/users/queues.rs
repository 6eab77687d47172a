//! A sign-in among many writers of one session.

use tokio::task::{JoinHandle, yield_now};

use super::*;

type Reply = Result<Option<String>, SessionFailure>;

const WRITERS: usize = 8;

/// Requests of one session in the order of their arrival. The request with this index signs the user in.
struct Writers {
    world: World,
    guest: String,
    requests: Vec<JoinHandle<Reply>>,
}

impl Writers {
    /// `fault` is what happens to the write that is the first after `skipped` others.
    async fn new(world: World, signs_in: usize) -> Self {
        let guest = world.stored().await;
        let mut sessions = Vec::new();
        for _ in 0..WRITERS {
            sessions.push(world.open(&guest).await);
        }
        let mut requests = Vec::new();
        for (index, session) in sessions.into_iter().enumerate() {
            let manager = world.manager.clone();
            requests.push(tokio::spawn(async move {
                increment(&session);
                if index == signs_in && session.sign_in("ferris").await.is_err() {
                    // As a handler that shows the form again.
                    return manager
                        .commit(&session, &ResponseHead::to("POST"))
                        .await
                        .map(|_| None);
                }
                let committed = manager.commit(&session, &ResponseHead::to("POST")).await;
                committed.map(|headers| headers.set_cookie.as_ref().map(sent_back))
            }));
        }
        Self {
            world,
            guest,
            requests,
        }
    }

    /// Checks that each increment that was acknowledged is stored, and none twice.
    async fn check(self, signs_in: usize, left: Option<usize>) {
        let mut cookie = None;
        let (mut acknowledged, mut unknown) = (0, usize::from(left.is_some()));
        for (index, request) in self.requests.into_iter().enumerate() {
            match request.await {
                Ok(Ok(sent)) => {
                    acknowledged += 1;
                    cookie = cookie.or(sent.filter(|_| index == signs_in));
                }
                Ok(Err(failure)) if failure.status() == 409 => {}
                Ok(Err(failure)) => {
                    assert_eq!(failure.status(), 503, "{failure:?}");
                    unknown += 1;
                }
                Err(error) => assert!(error.is_cancelled()),
            }
        }
        let world = self.world;
        let Some(cookie) = cookie else {
            return;
        };
        assert_eq!(world.subject(&self.guest).await, None);
        assert_eq!(world.subject(&cookie).await.as_deref(), Some("ferris"));
        let n = world.n(&cookie).await.unwrap() as usize;
        assert!(n > acknowledged, "{n} of {acknowledged} and {unknown}");
        assert!(
            n <= 1 + acknowledged + unknown,
            "{n} of {acknowledged} and {unknown}"
        );
        assert_eq!(world.lists_what_opens("ferris", &[cookie]).await, 1);
    }
}

#[tokio::test]
async fn a_sign_in_among_writers_keeps_what_was_acknowledged() {
    for signs_in in 0..WRITERS {
        for limits in [false, true] {
            let world = match limits {
                true => World::limited(limit(1)),
                false => World::new(|_| {}),
            };
            Writers::new(world, signs_in)
                .await
                .check(signs_in, None)
                .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_among_writers_survives_a_fault() {
    for fault in [Fault::Fail, Fault::NotSent, Fault::DoAndFail, Fault::Hang] {
        for signs_in in 0..4 {
            for write in 0..4 {
                let writers = Writers::new(World::new(|_| {}), signs_in).await;
                writers.world.store.take_counts();
                let mut writes = 0;
                for _ in 0..200 {
                    if writes == write {
                        writers.world.store.inject(fault);
                        break;
                    }
                    yield_now().await;
                    writes += writers.world.store.take_counts().1;
                }
                writers.check(signs_in, None).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_among_writers_survives_a_client_that_leaves() {
    for signs_in in 0..4 {
        for leaves in 0..4 {
            for pauses in 0..12 {
                let mut writers = Writers::new(World::new(|_| {}), signs_in).await;
                for _ in 0..pauses {
                    yield_now().await;
                }
                let request = writers.requests.remove(leaves);
                request.abort();
                let signs_in = match signs_in.cmp(&leaves) {
                    std::cmp::Ordering::Less => signs_in,
                    std::cmp::Ordering::Greater => signs_in - 1,
                    // Nothing has its cookie.
                    std::cmp::Ordering::Equal => WRITERS,
                };
                // It may have been done by then.
                drop(request.await);
                writers.check(signs_in, Some(leaves)).await;
            }
        }
    }
}

/// A sign-in that the store refuses is taken out of the queue alone.
#[tokio::test]
async fn a_sign_in_that_is_refused_stops_no_writer() {
    for signs_in in 0..WRITERS {
        let world = World::limited(limit(1).refusing());
        world.signed_in("ferris").await;
        let writers = Writers::new(world, signs_in).await;
        for request in writers.requests {
            request.await.unwrap().unwrap();
        }
        let n = writers.world.n(&writers.guest).await;
        assert_eq!(n, Some(1 + WRITERS as u32));
        assert_eq!(writers.world.ids("ferris").await.len(), 1);
    }
}
