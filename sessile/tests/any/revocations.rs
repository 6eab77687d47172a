//! Sessions in cookies with a list of those that have ended, which is in each store.

use std::time::Duration;

use sessile::{
    Session,
    clock::ManualClock,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::{AnySessionStore, CookieSessionStore, RevocationList},
    test_helpers::acceptance_test_suite,
};
use tokio::task::JoinSet;

use crate::place::{Place, in_time};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Change,
    SignIn,
    SignOut,
}

/// Servers of an application that share a list.
struct Servers {
    managers: [SessionManager<CookieSessionStore>; 2],
    clock: ManualClock,
}

impl Servers {
    fn new(lists: [AnySessionStore; 2]) -> Self {
        let clock = ManualClock::default();
        let key = SealingKey::generate();
        let managers = lists.map(|list| {
            let mut settings = Settings::default().clock(clock.clone());
            // A slow machine must not fail the test.
            settings.store_timeout = Duration::from_secs(120);
            SessionManager::new(listed_in(list), key.clone(), settings).unwrap()
        });
        Self { managers, clock }
    }

    async fn open(&self, server: usize, cookie: &str) -> Session {
        let opening = self.managers[server].open([cookie.as_bytes()]);
        opening.await.unwrap()
    }

    /// A session of this user, or of a guest; its cookie.
    async fn begun(&self, subject: Option<&str>) -> String {
        self.clock.advance(Duration::from_millis(1));
        let session = self.open(0, "").await;
        session.insert("n", 1).unwrap();
        if let Some(subject) = subject {
            session.sign_in(subject).await.unwrap();
        }
        let cookie = commit(&self.managers[0], &session).await;
        cookie.expect("a new session has a cookie")
    }

    /// The servers that this cookie opens a session on.
    async fn open_on(&self, cookie: &str) -> Vec<usize> {
        let mut servers = Vec::new();
        for server in [0, 1] {
            if self.open(server, cookie).await.id().is_some() {
                servers.push(server);
            }
        }
        servers
    }

    /// Changes, sign-ins and sign-outs of one session at once.
    async fn an_ended_session_stays_ended(&self) {
        let old = self.begun(None).await;
        let mut opened = Vec::new();
        for server in [0, 1] {
            for kind in [Kind::Change, Kind::SignOut, Kind::SignIn, Kind::Change] {
                opened.push((server, kind, self.open(server, &old).await));
            }
        }
        let mut requests = JoinSet::new();
        for (server, kind, session) in opened {
            let manager = self.managers[server].clone();
            requests.spawn(async move {
                match kind {
                    Kind::Change => session.insert("changed", 1).unwrap(),
                    Kind::SignOut => session.purge(),
                    Kind::SignIn => session.sign_in("ferris").await.unwrap(),
                }
                (kind, commit(&manager, &session).await)
            });
        }
        for (kind, cookie) in requests.join_all().await {
            match (kind, cookie) {
                // A sign-out that came later has ended it.
                (Kind::SignIn, Some(cookie)) => {
                    let servers = self.open_on(&cookie).await;
                    assert!(servers == [0, 1] || servers.is_empty(), "{servers:?}");
                }
                (Kind::SignOut, cookie) => assert_eq!(cookie.as_deref(), Some("id=")),
                // Of the session that has ended since.
                (Kind::Change, Some(cookie)) => assert!(self.open_on(&cookie).await.is_empty()),
                (Kind::Change | Kind::SignIn, None) => {}
            }
        }
        assert!(self.open_on(&old).await.is_empty());
    }

    async fn all_sessions_of_a_user_end(&self) {
        let users = [
            self.begun(Some("ferris")).await,
            self.begun(Some("ferris")).await,
        ];
        let (other, guest) = (self.begun(Some("corro")).await, self.begun(None).await);
        self.clock.advance(Duration::from_millis(1));
        let in_flight = self.open(1, &users[0]).await;
        in_flight.insert("changed", 1).unwrap();
        let sessions = self.managers[0].sessions();
        sessions.end_all("ferris").await.unwrap();
        for user in &users {
            assert!(self.open_on(user).await.is_empty());
        }
        assert_eq!(commit(&self.managers[1], &in_flight).await, None);
        for cookie in [&other, &guest] {
            assert_eq!(self.open_on(cookie).await, [0, 1]);
        }
        sessions.end_everything().await.unwrap();
        for cookie in [&other, &guest] {
            assert!(self.open_on(cookie).await.is_empty());
        }
        let later = self.begun(Some("ferris")).await;
        assert_eq!(self.open_on(&later).await, [0, 1]);
    }
}

fn listed_in(list: AnySessionStore) -> CookieSessionStore {
    CookieSessionStore::with_revocations(RevocationList::new(list))
}

/// Answers a `POST`. The cookie that the response sets, as a browser sends it back; `None` if it fails.
async fn commit(manager: &SessionManager<CookieSessionStore>, session: &Session) -> Option<String> {
    let headers = manager.commit(session, &ResponseHead::to("POST")).await;
    let cookie = headers.ok()?.set_cookie?;
    Some(cookie.as_str().split(';').next()?.to_owned())
}

async fn ends_sessions(place: Place) {
    let first = place.open().await;
    let second = match place.address.as_str() {
        // Another store in memory would have other entries.
        "memory:" => first.clone(),
        _ => place.open().await,
    };
    let list = first.clone();
    in_time(acceptance_test_suite(move || listed_in(list.clone()), true)).await;
    let servers = Servers::new([first, second]);
    for _ in 0..5 {
        in_time(servers.an_ended_session_stays_ended()).await;
    }
    in_time(servers.all_sessions_of_a_user_end()).await;
}

#[actix_web::test]
async fn in_memory() {
    ends_sessions(Place::without_server("memory:")).await;
}

#[actix_web::test]
async fn on_sqlite() {
    ends_sessions(Place::sqlite()).await;
}

#[actix_web::test]
async fn on_postgres() {
    ends_sessions(Place::postgres()).await;
}

#[actix_web::test]
async fn on_mariadb() {
    ends_sessions(Place::mariadb()).await;
}

#[actix_web::test]
async fn on_redis() {
    ends_sessions(Place::redis()).await;
}

#[actix_web::test]
async fn on_redis_through_actors() {
    ends_sessions(Place::redis_actor()).await;
}
