//! The race suite: requests of one session that run at once, on two servers that share nothing but the store. The
//! tests of every store include it.

use std::time::Duration;

use sessile::{
    Session,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionFailure, SessionManager},
    storage::SessionStore,
};
use tokio::task::JoinSet;

/// How many requests race.
const REQUESTS: usize = 20;

/// Two servers of the application, and a third one that checks the results.
pub(crate) struct Servers<S> {
    racing: [SessionManager<S>; 2],
    observer: SessionManager<S>,
}

impl<S: SessionStore> Servers<S> {
    pub(crate) fn new(racing: [S; 2], observer: S) -> Self {
        let key = SealingKey::generate();
        let mut settings = Settings::default();
        // A slow machine must not make requests time out.
        settings.store_timeout = Duration::from_secs(100);
        let server = |store| SessionManager::new(store, key.clone(), settings.clone()).unwrap();
        Self {
            racing: racing.map(server),
            observer: server(observer),
        }
    }

    /// Runs all races this many times.
    pub(crate) async fn race(&self, rounds: usize) {
        for _ in 0..rounds {
            self.no_write_is_lost().await;
            self.a_purge_is_final().await;
            self.a_purge_wins_over_slow_requests().await;
            self.of_two_renewals_both_succeed().await;
        }
    }

    /// The `Cookie` header of a new session, where `before` is 1.
    async fn new_session(&self) -> String {
        let session = self.observer.open([]).await.unwrap();
        session.insert("before", 1).unwrap();
        commit(&self.observer, &session).await.unwrap().unwrap()
    }

    /// The session of `cookie`, opened by requests on both servers.
    async fn open_many(&self, cookie: &str) -> Vec<(SessionManager<S>, Session)> {
        let mut opened = Vec::new();
        for number in 0..REQUESTS {
            let server = self.racing[number % 2].clone();
            let session = server.open([cookie.as_bytes()]).await.unwrap();
            opened.push((server, session));
        }
        opened
    }

    async fn seen(&self, cookie: &str) -> Session {
        self.observer.open([cookie.as_bytes()]).await.unwrap()
    }

    async fn no_write_is_lost(&self) {
        let cookie = self.new_session().await;
        let mut requests = JoinSet::new();
        for (number, (server, session)) in self.open_many(&cookie).await.into_iter().enumerate() {
            requests.spawn(async move {
                session.insert(format!("own{number}"), number).unwrap();
                session.update_or("sum", 1, |sum: usize| sum + 1).unwrap();
                commit(&server, &session).await.unwrap();
            });
        }
        requests.join_all().await;
        let session = self.seen(&cookie).await;
        assert_eq!(session.get("sum").unwrap(), Some(REQUESTS));
        for number in 0..REQUESTS {
            let own = session.get(&format!("own{number}")).unwrap();
            assert_eq!(own, Some(number), "own{number}");
        }
        assert_eq!(session.get("before").unwrap(), Some(1));
    }

    /// Checks a store that keeps nothing.
    #[allow(dead_code, reason = "not every store keeps nothing")]
    pub(crate) async fn each_cookie_has_its_own_write(&self) {
        let cookie = self.new_session().await;
        for (number, (server, session)) in self.open_many(&cookie).await.into_iter().enumerate() {
            session.insert("own", number).unwrap();
            let own = commit(&server, &session).await.unwrap().unwrap();
            let session = self.seen(&own).await;
            assert_eq!(session.get("own").unwrap(), Some(number));
            assert_eq!(session.get("before").unwrap(), Some(1));
        }
    }

    async fn a_purge_is_final(&self) {
        let cookie = self.new_session().await;
        let mut requests = JoinSet::new();
        for (number, (server, session)) in self.open_many(&cookie).await.into_iter().enumerate() {
            requests.spawn(async move {
                match number {
                    10 => session.purge(),
                    5 => session.renew(),
                    _ => session.insert("late", number).unwrap(),
                }
                let sent = commit(&server, &session).await;
                match (number, sent) {
                    (10, purged) => purged.unwrap(),
                    (_, Ok(cookie)) => cookie,
                    (_, Err(failure)) => {
                        assert_eq!(failure.status(), 409, "{failure:?}");
                        None
                    }
                }
            });
        }
        let sent = requests.join_all().await;
        for cookie in sent.into_iter().flatten().chain([cookie]) {
            let session = self.seen(&cookie).await;
            assert!(session.entries().is_empty(), "a purged session is readable");
        }
    }

    async fn a_purge_wins_over_slow_requests(&self) {
        let cookie = self.new_session().await;
        let slow = self.open_many(&cookie).await;
        let purging = self.racing[0].open([cookie.as_bytes()]).await.unwrap();
        purging.purge();
        commit(&self.racing[0], &purging).await.unwrap();
        for (number, (server, session)) in slow.into_iter().enumerate() {
            session.insert("late", number).unwrap();
            if number % 2 == 0 {
                session.renew();
            }
            let failure = commit(&server, &session).await.unwrap_err();
            assert_eq!(failure.status(), 409, "{failure:?}");
        }
        assert!(self.seen(&cookie).await.entries().is_empty());
    }

    async fn of_two_renewals_both_succeed(&self) {
        let before = self.new_session().await;
        let mut requests = JoinSet::new();
        for (number, (server, session)) in self.open_many(&before).await.into_iter().enumerate() {
            requests.spawn(async move {
                let renews = number % 10 == 0;
                match renews {
                    true => {
                        session.insert("user", number).unwrap();
                        session.renew();
                    }
                    false => session.insert("late", number).unwrap(),
                }
                match commit(&server, &session).await {
                    Ok(cookie) => cookie.filter(|_| renews).map(|cookie| (number, cookie)),
                    Err(failure) => {
                        assert!(!renews && failure.status() == 409, "{failure:?}");
                        None
                    }
                }
            });
        }
        let sent = requests.join_all().await;
        let session = self.seen(&before).await;
        assert!(
            session.entries().is_empty(),
            "a replaced key opens the session"
        );
        let renewed: Vec<_> = sent.into_iter().flatten().collect();
        assert_eq!(renewed.len(), 2, "a renewal without a cookie");
        for (number, cookie) in renewed {
            let session = self.seen(&cookie).await;
            assert_eq!(session.get("user").unwrap(), Some(number));
            assert_eq!(session.get("before").unwrap(), Some(1));
        }
    }
}

/// Commits the session of a `POST`. Returns the cookie that the browser sends back, if it gets one.
pub(crate) async fn commit<S: SessionStore>(
    server: &SessionManager<S>,
    session: &Session,
) -> Result<Option<String>, SessionFailure> {
    let headers = server.commit(session, &ResponseHead::to("POST")).await?;
    let pair = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
    Ok(headers.set_cookie.map(|cookie| pair(cookie.as_str())))
}
