//! Servers of the application whose clocks differ, from each other's and from the database's.

use std::time::Duration;

use sessile::{
    clock::{Clock as _, ManualClock, SystemClock, Timestamp},
    config::{PersistentSession, Settings, TtlExtensionPolicy::OnEveryRequest},
    engine::{SealingKey, SessionManager},
};

use crate::{
    engine::{Server, Store},
    race_suite::commit,
    sql::{
        apps::{App, new_session},
        setup::{in_time, rows, store},
    },
};

struct Clocks {
    store: Store,
    early: App,
    late: App,
    /// Both clocks.
    clocks: [ManualClock; 2],
}

impl Clocks {
    /// Two servers, the second of which is a minute ahead, with sessions that live for ten minutes.
    async fn new(server: &Server, early: Timestamp) -> Self {
        let late = early.saturating_add(Duration::from_secs(60));
        let clocks = [early, late].map(ManualClock::starting_at);
        let store = store(server).await;
        let key = SealingKey::generate();
        let app = |clock: &ManualClock| {
            let mut settings = Settings::default().clock(clock.clone());
            settings.lifecycle = PersistentSession::default()
                .session_ttl(actix_web::cookie::time::Duration::minutes(10))
                .session_ttl_extension_policy(OnEveryRequest)
                .into();
            SessionManager::new(store.clone(), key.clone(), settings).unwrap()
        };
        Self {
            early: app(&clocks[0]),
            late: app(&clocks[1]),
            store: store.clone(),
            clocks,
        }
    }

    fn pass(&self, time: Duration) {
        for clock in &self.clocks {
            clock.advance(time);
        }
    }

    /// Adds one to the session's number, which is `before` then.
    async fn assert_adds(app: &App, cookie: &str, before: u32) {
        let session = app.open([cookie.as_bytes()]).await.unwrap();
        assert_eq!(session.get("before").unwrap(), Some(1), "it has ended");
        assert_eq!(session.get("n").unwrap().unwrap_or(0), before);
        session.update_or("n", 1, |n: u32| n + 1).unwrap();
        commit(app, &session).await.unwrap();
    }

    async fn assert_over(app: &App, cookie: &str) {
        let session = app.open([cookie.as_bytes()]).await.unwrap();
        assert!(session.entries().is_empty());
    }
}

#[tokio::test]
async fn neither_of_two_servers_ends_the_other_s_sessions_early() {
    let server = Server::start().unwrap();
    let century = Duration::from_secs(100 * 365 * 86_400);
    let now = SystemClock.now();
    // The database's clock has no say in how old a session is.
    for early in [
        Timestamp::from_unix_millis(0),
        now,
        now.saturating_add(century),
    ] {
        in_time(async {
            let scene = Clocks::new(&server, early).await;
            let kept = rows(&server);
            let cookies = [
                new_session(&scene.early).await,
                new_session(&scene.late).await,
            ];
            for round in 0..5 {
                for cookie in &cookies {
                    // Each goes on from what the other wrote, though to one that was in the future.
                    Clocks::assert_adds(&scene.early, cookie, 2 * round).await;
                    Clocks::assert_adds(&scene.late, cookie, 2 * round + 1).await;
                }
                scene.pass(Duration::from_secs(8 * 60));
            }
            // Cleaning up is by the database's clock, to which no time has passed.
            assert_eq!(scene.store.delete_expired(100).await.unwrap(), 0);
            assert_eq!(rows(&server), kept + 2);
        })
        .await;
    }
}

#[tokio::test]
async fn an_unused_session_ends_within_the_difference_of_the_clocks() {
    let server = Server::start().unwrap();
    let scene = Clocks::new(&server, SystemClock.now()).await;
    let cookie = new_session(&scene.early).await;

    // Ten minutes, and the part of it that touching is put off by.
    scene.pass(Duration::from_secs(10 * 60 + 30));
    Clocks::assert_over(&scene.early, &cookie).await;
    Clocks::assert_over(&scene.late, &cookie).await;

    let cookie = new_session(&scene.late).await;
    scene.pass(Duration::from_secs(10 * 60 + 30));
    Clocks::assert_over(&scene.late, &cookie).await;
    scene.pass(Duration::from_secs(60));
    Clocks::assert_over(&scene.early, &cookie).await;
}
