//! Requests in any order, compared with a model.
//!
//! The [oracle] applies the changes of each request, in the order of the commits, to a plain map for each session,
//! and knows the one cookie that opens it. The library has to agree with it under every schedule.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod oracle;
mod request;
mod steps;

use proptest::prelude::*;
use sessile::{
    Session,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    error::{SessionReloadError, SessionSaveError},
    storage::{MemorySessionStore, SessionStore, SqliteSessionStore},
};

use self::{
    oracle::{Cookie, Oracle, Sent},
    request::Request,
    steps::{Step, Write, step},
};

const REQUESTS: usize = 4;

/// The number of latest cookies that requests choose from.
const LATEST: usize = 6;

struct World<S> {
    manager: SessionManager<S>,
    oracle: Oracle,
    /// The cookies that were sent, by their numbers.
    sent: Vec<(Cookie, String)>,
}

impl<S: SessionStore> World<S> {
    async fn run(&mut self, steps: &[(usize, Step)]) {
        let mut requests: [Option<(Session, Request)>; REQUESTS] = Default::default();
        for (slot, step) in steps {
            let request = requests[*slot].take();
            requests[*slot] = match (*step, request) {
                (Step::Open(which), _) => Some(self.open(which).await),
                (_, None) => Some(self.open(0).await),
                (Step::Write(write), Some((session, mut request))) => {
                    self.write(write, &session, &mut request);
                    Some((session, request))
                }
                (Step::Save, Some((session, mut request))) => {
                    self.save(&session, &mut request).await;
                    Some((session, request))
                }
                (Step::Reload, Some((session, mut request))) => {
                    self.reload(&session, &mut request).await;
                    Some((session, request))
                }
                (Step::Commit, Some((session, request))) => {
                    self.commit(&session, request).await;
                    self.check().await;
                    None
                }
            };
        }
    }

    /// A request with the cookie that was sent `back` cookies before the last one, or without a cookie.
    async fn open(&self, back: usize) -> (Session, Request) {
        let known = self.sent.iter().rev().take(LATEST).nth(back);
        let cookie = known.map(|(_, cookie)| cookie.as_bytes());
        let session = self.manager.open(cookie).await.unwrap();
        let request = self.oracle.open(known.map(|(number, _)| *number));
        assert_eq!(session.entries(), *request.view());
        (session, request)
    }

    fn write(&self, write: Write, session: &Session, request: &mut Request) {
        assert_eq!(write.perform(session), request.write(write), "{write:?}");
        assert_eq!(session.entries(), *request.view(), "after {write:?}");
    }

    async fn save(&mut self, session: &Session, request: &mut Request) {
        let saved = session.save().await.map_err(|error| match error {
            SessionSaveError::Closed(reason) => reason,
            other => panic!("{other:?}"),
        });
        assert_eq!(saved, self.oracle.save(request));
        assert_eq!(session.entries(), *request.view(), "after a save");
    }

    async fn reload(&self, session: &Session, request: &mut Request) {
        let reloaded = session.reload().await.map_err(|error| match error {
            SessionReloadError::Closed(reason) => Some(reason),
            SessionReloadError::NotStored => None,
            other => panic!("{other:?}"),
        });
        assert_eq!(reloaded, self.oracle.reload(request));
        assert_eq!(session.entries(), *request.view(), "after a reload");
    }

    async fn commit(&mut self, session: &Session, request: Request) {
        let head = ResponseHead::to("POST");
        let committed = self.manager.commit(session, &head);
        let expected = self.oracle.commit(request);
        let set_cookie = match (committed.await, &expected) {
            (Ok(headers), Ok(_)) => headers.set_cookie,
            (Err(failure), Err(_)) => {
                assert_eq!(failure.status(), 409);
                assert_eq!(failure.headers().set_cookie, None);
                return;
            }
            (committed, _) => panic!("{committed:?} instead of {expected:?}"),
        };
        let set_cookie = set_cookie.as_ref().map(|cookie| cookie.as_str());
        match (set_cookie, expected.unwrap()) {
            (None, Sent::Nothing) => {}
            (Some(cookie), Sent::Removal) => assert!(cookie.starts_with("id=;"), "{cookie}"),
            (Some(cookie), Sent::Cookie(number)) => {
                let pair = cookie.split(';').next().unwrap();
                self.sent.push((number, pair.to_owned()));
            }
            (cookie, expected) => panic!("{cookie:?} instead of {expected:?}"),
        }
    }

    /// Checks that each cookie opens the session that the model expects.
    async fn check(&self) {
        for (number, cookie) in &self.sent {
            let session = self.manager.open([cookie.as_bytes()]).await.unwrap();
            let expected = self.oracle.behind(*number);
            assert_eq!(session.entries(), expected, "behind cookie {number}");
        }
    }
}

fn agree<S: SessionStore>(steps: &[(usize, Step)], store: impl AsyncFnOnce() -> S) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let key = SealingKey::generate();
        let manager = SessionManager::new(store().await, key, Settings::default()).unwrap();
        let mut world = World {
            manager,
            oracle: Oracle::default(),
            sent: Vec::new(),
        };
        world.run(steps).await;
    });
}

fn schedule(longest: usize) -> impl Strategy<Value = Vec<(usize, Step)>> {
    prop::collection::vec((0..REQUESTS, step()), 1..longest)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory(steps in schedule(80)) {
        agree(&steps, async || MemorySessionStore::default());
    }

    #[test]
    fn sqlite(steps in schedule(40)) {
        agree(&steps, async || SqliteSessionStore::new("sqlite::memory:").await.unwrap());
    }
}
