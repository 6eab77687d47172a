//! Other requests change or delete sessions while a user signs in.

use super::{size::ready, subjects::signed_in, *};
use crate::{
    clock::Clock,
    storage::{SessionLimit, SignInOutcome, SignInWrite, SubjectStore as _},
};

/// A clock that runs an operation once, when it is read for the n-th time.
#[derive(Clone, Default)]
struct InterruptingClock(Arc<Mutex<Option<Interruption>>>);

struct Interruption {
    remaining: u32,
    operation: Box<dyn FnOnce() + Send>,
}

impl Clock for InterruptingClock {
    fn now(&self) -> Timestamp {
        let due = self.0.lock().unwrap().take_if(|it| {
            it.remaining -= 1;
            it.remaining == 0
        });
        if let Some(Interruption { operation, .. }) = due {
            operation();
        }
        Timestamp::from_unix_millis(0)
    }
}

/// A guest has a session, and a user has another one.
struct Scene {
    store: MemorySessionStore,
    guest: Stored,
    user: Stored,
}

/// Signs the user in on the guest's session, under a limit of one session, and runs `operation` when the clock is read
/// for the n-th time. Calls `check` for each n.
fn interrupt_each_step<T: Send + 'static>(
    operation: fn(&Scene) -> T,
    check: fn(&Scene, SignInOutcome, T),
) {
    let record = signed_in("ferris", "sid");
    for remaining in 1.. {
        let clock = InterruptingClock::default();
        let store = MemorySessionStore::builder().clock(clock.clone()).build();
        let user = ready(store.signed_in(None, &record));
        let guest = ready(store.created(&record_of(1), MINUTE));
        let scene = Arc::new(Scene { store, guest, user });
        let output: Arc<Mutex<Option<T>>> = Arc::default();
        let interruption = {
            let (scene, output) = (scene.clone(), Arc::clone(&output));
            move || *output.lock().unwrap() = Some(operation(&scene))
        };
        *clock.0.lock().unwrap() = Some(Interruption {
            remaining,
            operation: Box::new(interruption),
        });
        let (id, expected) = (&scene.guest.id, scene.guest.version);
        let write = SignInWrite::update(id, expected, &record, Version::generate(), MINUTE);
        let limit = SessionLimit::new(1).unwrap();
        let outcome = ready(scene.store.sign_in(write, limit)).unwrap();
        if clock.0.lock().unwrap().take().is_some() {
            assert!(remaining > 1, "the clock was never read");
            return;
        }
        let output = output.lock().unwrap().take();
        check(&scene, outcome, output.unwrap());
    }
}

#[test]
fn a_change_during_a_sign_in_is_not_lost() {
    interrupt_each_step(
        |Scene { store, guest, .. }| ready(store.changed(guest, &record_of(2), MINUTE)).unwrap(),
        |Scene { store, guest, user }, signed_in, changed| match changed {
            UpdateOutcome::Updated => {
                assert_eq!(signed_in, SignInOutcome::Conflict);
                assert_eq!(ready(store.loaded(&guest.id)).unwrap().record, record_of(2));
                assert!(ready(store.has(user)));
            }
            changed => {
                assert_eq!(changed, UpdateOutcome::Conflict);
                let displaced = vec![user.id.clone()];
                assert_eq!(signed_in, SignInOutcome::Stored { displaced });
            }
        },
    );
}

#[test]
fn a_session_that_is_deleted_during_a_sign_in_stays_deleted() {
    interrupt_each_step(
        |Scene { store, guest, .. }| ready(store.delete(&guest.id)).unwrap(),
        |Scene { store, guest, user }, signed_in, ()| {
            assert_eq!(signed_in, SignInOutcome::Missing);
            assert!(!ready(store.has(guest)));
            assert!(ready(store.has(user)));
        },
    );
}

/// The limit would have ended the session, but it is that of a guest by then.
#[test]
fn a_session_that_signs_out_during_another_sign_in_stays() {
    interrupt_each_step(
        |Scene { store, user, .. }| {
            let (store, user) = (store.clone(), user.clone());
            let signing_out = {
                let (store, user) = (store.clone(), user.clone());
                // The sign-in has locked the index, which this one changes at its end.
                std::thread::spawn(move || ready(store.changed(&user, &record_of(2), MINUTE)))
            };
            while !signing_out.is_finished()
                && ready(store.loaded(&user.id)).is_some_and(|it| it.record != record_of(2))
            {
                std::thread::yield_now();
            }
            signing_out
        },
        |Scene { store, user, .. }, signed_in, signing_out| match signing_out
            .join()
            .unwrap()
            .unwrap()
        {
            UpdateOutcome::Updated => {
                assert_eq!(signed_in, SignInOutcome::STORED);
                assert_eq!(ready(store.loaded(&user.id)).unwrap().record, record_of(2));
            }
            signed_out => {
                assert_eq!(signed_out, UpdateOutcome::Missing);
                let displaced = vec![user.id.clone()];
                assert_eq!(signed_in, SignInOutcome::Stored { displaced });
            }
        },
    );
}
