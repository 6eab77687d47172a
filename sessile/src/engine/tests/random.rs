//! Random requests of one browser on a store that fails at random.

use super::*;
use crate::session::machine::Binding;

/// A running request, and how often it incremented its own value.
struct Request {
    session: Session,
    name: String,
    attempted: u32,
    /// The increments that are known to be stored.
    acknowledged: u32,
    /// Whether it has discarded changes, which may be stored nevertheless.
    has_discarded: bool,
}

impl Request {
    /// Checks which of its increments are stored, after the session reported that all of them are `stored` or not.
    async fn check(&mut self, world: &World, stored: bool, trace: &[String]) {
        let id = match &self.session.machine().binding {
            Binding::Stored(stored) => stored.id.clone(),
            _ => return,
        };
        let record = world.record(&id).await;
        let record = record.unwrap_or_else(|| panic!("the session is missing: {trace:#?}"));
        let found: u32 = record.state.get(&self.name).unwrap().unwrap_or(0);
        if stored && !self.has_discarded {
            let seen = self.session.get(&self.name).unwrap().unwrap_or(0);
            assert_eq!(found, seen, "{trace:#?}");
            self.acknowledged = found;
        }
        assert!(found >= self.acknowledged, "{found} {trace:#?}");
        assert!(found <= self.attempted, "{found} {trace:#?}");
    }
}

async fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let is_persistent = random.bool();
    let world = World::new(|settings| {
        if is_persistent {
            persistent(settings);
        }
    });
    let mut cookie = world.stored().await;
    let mut requests = Vec::<Request>::new();
    let mut has_renewed = false;
    let mut trace = vec![format!("seed {seed}, persistent {is_persistent}")];
    for step in 0..40 {
        world.clock.advance(Duration::from_millis(1));
        if requests.is_empty() || (requests.len() < 3 && random.u8(..4) == 0) {
            let session = world.open(&cookie).await;
            if session.id().is_none() {
                // The answer to a renewal was lost, or a later response had an older cookie.
                assert!(has_renewed, "{trace:#?}");
                return;
            }
            trace.push(format!("open {step}"));
            requests.push(Request {
                session,
                name: format!("r{step}"),
                attempted: 0,
                acknowledged: 0,
                has_discarded: false,
            });
        }
        let index = random.usize(..requests.len());
        let faults = [
            Fault::Fail,
            Fault::NotSent,
            Fault::DoAndFail,
            Fault::DoAndFail,
        ];
        let fault = (random.u8(..3) == 0).then(|| *random.choice(&faults).unwrap());
        let request = &mut requests[index];
        let session = request.session.clone();
        let name = request.name.clone();
        let operation = random.u8(..10);
        trace.push(format!("{name}: {operation} {fault:?}"));
        match operation {
            0..=3 => {
                if session.update_or(&name, 1, |n: u32| n + 1).is_ok() {
                    request.attempted += 1;
                }
                continue;
            }
            4 => {
                session.renew();
                has_renewed = true;
                continue;
            }
            5 => {
                session.discard();
                request.has_discarded = true;
                continue;
            }
            _ => {}
        }
        if let Some(fault) = fault {
            world.store.inject(fault);
        }
        match operation {
            6 | 7 => {
                let saved = session.save().await;
                trace.push(format!("  {saved:?}"));
                request.check(&world, saved.is_ok(), &trace).await;
            }
            8 => {
                let reloaded = session.reload().await;
                trace.push(format!("  {reloaded:?}"));
                request.has_discarded &= reloaded.is_err();
                request.check(&world, false, &trace).await;
            }
            _ => {
                let committed = world.answer(&session, "POST").await;
                trace.push(format!("  {committed:?}"));
                let sent = match &committed {
                    Ok(sent) => sent.clone(),
                    Err(failure) => failure.headers().set_cookie.as_ref().map(sent_back),
                };
                request.check(&world, committed.is_ok(), &trace).await;
                if let Some(sent) = sent {
                    let opened = world.open(&sent).await.id();
                    assert!(opened.is_some() || committed.is_err(), "{trace:#?}");
                    cookie = sent;
                }
                requests.remove(index);
            }
        }
        // One that was not needed.
        world.store.clear();
    }
}

#[tokio::test(start_paused = true)]
async fn no_random_request_loses_or_doubles_an_increment() {
    for seed in 0..500 {
        run(seed).await;
    }
}
