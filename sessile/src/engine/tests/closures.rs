//! The closures of the application, which use their session when they are dropped, while a store fails.

use std::{sync::mpsc, thread};

use super::*;

/// Fails, rather than hangs, when `body` locks itself out.
fn without_deadlock<F: Future<Output = ()>>(body: impl FnOnce() -> F + Send + 'static) {
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(body());
        done.send(()).unwrap();
    });
    finished
        .recv_timeout(Duration::from_secs(30))
        .expect("the application's code ran under the session's lock");
}

/// Uses the session when it is dropped.
struct Meddler(Session);

impl Drop for Meddler {
    fn drop(&mut self) {
        let _ = self.0.status();
    }
}

/// A session whose closure has not been stored.
async fn updated() -> (World, Session) {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    let meddler = Meddler(session.clone());
    let update = move |n: u32| n + u32::from(!meddler.0.contains_key("x"));
    session.update("n", update).unwrap();
    (world, session)
}

const SUPERSEDING: [fn(&Session); 5] = [
    |session| session.insert("n", 5).unwrap(),
    |session| assert!(session.remove("n").is_some()),
    Session::clear,
    Session::discard,
    Session::purge,
];

#[test]
fn a_closure_that_is_superseded_during_a_save_is_dropped_without_the_lock() {
    for fault in [Fault::NotSent, Fault::Fail, Fault::DoAndFail] {
        for supersede in SUPERSEDING {
            without_deadlock(async move || {
                let (world, session) = updated().await;
                world.store.inject(fault);
                let superseding = async { supersede(&session) };
                let (saved, ()) = tokio::join!(session.save(), superseding);
                assert!(saved.is_err());
                world.commit(&session).await;
            });
        }
    }
}

#[test]
fn a_closure_that_a_reload_settles_is_dropped_without_the_lock() {
    for fault in [Fault::NotSent, Fault::Fail, Fault::DoAndFail] {
        for supersede in &SUPERSEDING[..4] {
            without_deadlock(async move || {
                let (world, session) = updated().await;
                world.store.inject(fault);
                assert!(session.save().await.is_err());
                supersede(&session);
                session.reload().await.unwrap();
            });
        }
    }
}
