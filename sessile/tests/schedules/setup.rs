//! [`Setup`]: the servers, their store and the session that each schedule begins with.

use std::{
    collections::HashMap,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use sessile::{
    clock::{Clock as _, Timestamp},
    config::{BrowserSession, CookieContentSecurity, Settings},
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::SessionId,
};

use crate::{
    model::{Defect, Entry, Model},
    programs::{COUNTER, IDLE, Program, SUBJECT, UNUSED, issued},
    stepped_store::{RequestIndex, SteppedStore},
    violation::{Invariant, Violation},
};

/// The value of the counter before the two requests.
pub(crate) const INITIAL_COUNT: u32 = 10;

/// A name in the session from before the two requests.
pub(crate) const SEED: &str = "written before";

pub(crate) struct Setup {
    pub(crate) store: SteppedStore,
    /// One for each server.
    managers: Vec<SessionManager<SteppedStore>>,
    pub(crate) id: SessionId,
    pub(crate) cookie: Arc<str>,
    /// When the stored session was last used.
    pub(crate) last_used: Timestamp,
    entries: HashMap<SessionId, Entry>,
    defect: Option<Defect>,
    /// The runtime that creates timers. Nothing drives it, so no timer fires.
    _runtime: tokio::runtime::Runtime,
}

impl Setup {
    /// One server, or two, with a store that has this defect, and the stored session that these programs need.
    pub(crate) fn new(servers: usize, defect: Option<Defect>, programs: [Program; 2]) -> Self {
        let store = SteppedStore::default();
        let last_used = Timestamp::from_unix_millis(1_700_000_000_000);
        store.clock().set(last_used);
        let mut settings = Settings::default().clock(store.clock().clone());
        settings.lifecycle = BrowserSession::default()
            .state_ttl(time::Duration::try_from(IDLE).unwrap())
            .into();
        settings.store_timeout = Duration::from_secs(3600);
        settings.cookie_content_security = CookieContentSecurity::Signed;
        let key = SealingKey::generate();
        let manager = || SessionManager::new(store.clone(), key.clone(), settings.clone()).unwrap();
        let managers: Vec<_> = (0..servers).map(|_| manager()).collect();
        let (id, cookie) = at_once(async {
            let session = managers[0].open([]).await.unwrap();
            session.insert(SEED, true).unwrap();
            session.insert(COUNTER, INITIAL_COUNT).unwrap();
            if programs.contains(&Program::EndAll) {
                session.sign_in(SUBJECT).await.unwrap();
            }
            let head = ResponseHead::to("POST");
            let headers = managers[0].commit(&session, &head).await.unwrap();
            (session.id().unwrap(), issued(&headers).unwrap())
        })
        .unwrap();
        let entries = store.controls().model.entries.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        Self {
            store,
            managers,
            id,
            cookie: cookie.into(),
            last_used,
            entries,
            defect,
            _runtime: runtime.unwrap(),
        }
    }

    /// Timers can be made while this is held.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self._runtime.enter()
    }

    /// The store and the clock as they are before the two requests.
    pub(crate) fn reset(&self) {
        self.store
            .clock()
            .set(self.last_used.saturating_add(UNUSED));
        *self.store.controls() = Default::default();
        self.store.controls().model = Model {
            entries: self.entries.clone(),
            defect: self.defect,
            ..Model::default()
        };
    }

    /// The server that this request goes to.
    pub(crate) fn manager(&self, index: RequestIndex) -> &SessionManager<SteppedStore> {
        &self.managers[index % self.managers.len()]
    }

    pub(crate) fn share_a_server(&self) -> bool {
        self.managers.len() == 1
    }

    pub(crate) fn clock_millis(&self) -> u64 {
        self.store.clock().now().as_unix_millis()
    }
}

/// The answer to a request without concurrent ones. Its operations take effect at once, so it does not wait.
pub(crate) fn at_once<T>(request: impl Future<Output = T>) -> Result<T, Violation> {
    match pin!(request).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(Invariant::Ends.violated("a request that comes alone does not end")),
    }
}
