//! [`Browser`]: a browser with parallel requests, some of whose responses are lost.

use std::collections::HashMap;

use super::*;

/// The longest time from the beginning of a request to its commit, and from there to the browser.
const SLOWEST: Duration = Duration::from_millis(900);

/// A request that has not been committed, or a response that has not arrived.
struct InFlight<T> {
    since: Timestamp,
    what: T,
}

/// A browser with one session on two servers.
pub(super) struct Browser<S> {
    servers: [World<S>; 2],
    random: fastrand::Rng,
    id: SessionId,
    jar: String,
    requests: Vec<InFlight<(usize, Session)>>,
    responses: Vec<InFlight<String>>,
    /// A cookie with each secret that was sent, also in responses that were lost.
    sent: HashMap<[u8; Secret::LEN], String>,
    /// The increments that were acknowledged.
    pub(super) n: u32,
}

impl<S: SessionStore + Clone + 'static> Browser<S> {
    pub(super) async fn new(servers: [World<S>; 2], seed: u64) -> Self {
        let jar = servers[0].stored().await;
        Self {
            id: servers[0].id(&jar).await.unwrap(),
            servers,
            random: fastrand::Rng::with_seed(seed),
            sent: HashMap::new(),
            jar,
            requests: Vec::new(),
            responses: Vec::new(),
            n: 1,
        }
    }

    pub(super) async fn step(&mut self) {
        match self.random.u8(..20) {
            0..=8 => self.begin().await,
            9..=12 => {
                let count = self.random.usize(..=self.requests.len());
                self.commit(count).await;
            }
            13..=15 => self.deliver(1),
            16..=18 => self.pass_time().await,
            _ if self.random.u8(..4) == 0 => self.rest().await,
            _ => {}
        }
    }

    /// Begins a request, unless there are 20.
    async fn begin(&mut self) {
        if self.requests.len() == 20 {
            return;
        }
        let server = self.random.usize(..2);
        let session = self.servers[server].open(&self.jar).await;
        assert_eq!(
            session.id().as_ref(),
            Some(&self.id),
            "the user is signed out"
        );
        self.requests.push(InFlight {
            since: self.now(),
            what: (server, session),
        });
    }

    /// Commits so many requests at the same time, the oldest first.
    async fn commit(&mut self, count: usize) {
        let mut running = Vec::new();
        for request in self.requests.drain(..count) {
            let (server, session) = request.what;
            let writes = self.random.bool();
            if writes {
                increment(&session);
                self.n += 1;
            }
            let manager = self.servers[server].manager.clone();
            running.push(tokio::spawn(async move {
                let head = ResponseHead::to(if writes { "POST" } else { "GET" });
                let committed = manager.commit(&session, &head).await;
                committed.map(|headers| headers.set_cookie.as_ref().map(sent_back))
            }));
            // Some clients disconnect.
            if !writes && self.random.u8(..20) == 0 {
                tokio::task::yield_now().await;
                running[running.len() - 1].abort();
            }
        }
        for request in running {
            let Ok(committed) = request.await else {
                continue;
            };
            let Some(cookie) = committed.unwrap() else {
                continue;
            };
            self.note(&cookie);
            if self.random.u8(..10) > 0 {
                self.responses.push(InFlight {
                    since: self.now(),
                    what: cookie,
                });
            }
        }
    }

    /// Has so many responses arrive, in any order.
    fn deliver(&mut self, count: usize) {
        for _ in 0..count.min(self.responses.len()) {
            let index = self.random.usize(..self.responses.len());
            self.jar = self.responses.swap_remove(index).what;
        }
    }

    /// A moment passes, after what would take too long has happened.
    async fn pass_time(&mut self) {
        let pause = Duration::from_millis(self.random.u64(..500));
        let now = self.now().saturating_add(pause);
        let is_slow = |since: Timestamp| now.saturating_duration_since(since) > SLOWEST;
        let slow = self.requests.iter().filter(|it| is_slow(it.since)).count();
        self.commit(slow).await;
        let (arriving, rest) = std::mem::take(&mut self.responses)
            .into_iter()
            .partition(|it| is_slow(it.since));
        self.responses = arriving;
        self.deliver(usize::MAX);
        self.responses = rest;
        self.servers[0].clock.advance(pause);
    }

    /// Completes every request. After some time without any, single requests end the rotation that is under way: then only
    /// the secret of the browser opens the session.
    async fn rest(&mut self) {
        self.commit(self.requests.len()).await;
        self.deliver(usize::MAX);
        let pause = Duration::from_millis(self.random.u64(..30_000));
        self.servers[0].clock.advance(pause);
        for _ in 0..6 {
            let server = &self.servers[self.random.usize(..2)];
            let cookie = server.read(&self.jar).await;
            if let Some(cookie) = cookie {
                self.note(&cookie);
                self.jar = cookie;
            }
            if self.is_settled().await {
                return self.check().await;
            }
            self.servers[0].clock.advance(GRACE);
        }
        panic!("the rotation does not come to its end");
    }

    async fn is_settled(&self) -> bool {
        let loading = self.servers[0]
            .store
            .load(&self.id, None, Freshness::Current);
        let record = loading.await.unwrap().unwrap().record;
        let rotation = record.secrets.unwrap().rotation;
        rotation.is_none_or(|it| it.step == RotationStep::Done)
    }

    async fn check(&self) {
        let own = self.servers[0].secret(&self.jar);
        for (secret, cookie) in &self.sent {
            let is_own = secret == own.as_bytes();
            assert_eq!(self.servers[1].is_open(cookie).await, is_own);
        }
        assert_eq!(self.servers[0].n(&self.jar).await, Some(self.n));
    }

    fn note(&mut self, cookie: &str) {
        let secret = *self.servers[0].secret(cookie).as_bytes();
        self.sent.insert(secret, cookie.to_owned());
    }

    /// The number of different secrets that were sent.
    pub(super) fn secrets(&self) -> usize {
        self.sent.len()
    }

    fn now(&self) -> Timestamp {
        self.servers[0].clock.now()
    }
}
