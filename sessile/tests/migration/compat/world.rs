//! Servers on a store that was written for actix-session, and what a browser sends to them.

use std::{sync::Arc, time::Duration};

use actix_web::cookie::{Cookie, CookieJar, Key};
use sessile::{
    Session,
    clock::ManualClock,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionFailure, SessionManager},
    storage::compat::Adapter,
};

use crate::old_stores::{ours::TableStore, table::Table};

pub(crate) struct World {
    pub(crate) manager: SessionManager<Adapter<TableStore>>,
    pub(crate) table: Arc<Table>,
    pub(crate) clock: ManualClock,
    key: Key,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(Table::default())
    }

    pub(crate) fn over(table: Table) -> Self {
        Self::on(Arc::new(table), ManualClock::default(), Key::generate())
    }

    fn on(table: Arc<Table>, clock: ManualClock, key: Key) -> Self {
        let store = Adapter::new(TableStore(table.clone())).clock(clock.clone());
        let sealing = SealingKey::try_from(key.master()).unwrap();
        let settings = Settings::default().clock(clock.clone());
        Self {
            manager: SessionManager::new(store, sealing, settings).unwrap(),
            table,
            clock,
            key,
        }
    }

    /// Another server.
    pub(crate) fn beside(&self) -> Self {
        Self::on(self.table.clone(), self.clock.clone(), self.key.clone())
    }

    /// The cookie in which actix-session seals a session key.
    pub(crate) fn sealed_by_actix_session(&self, key: &str) -> String {
        let mut jar = CookieJar::new();
        jar.private_mut(&self.key)
            .add(Cookie::new("id", key.to_owned()));
        jar.get("id").unwrap().to_string()
    }

    pub(crate) async fn open(&self, cookie: &str) -> Session {
        self.manager.open([cookie.as_bytes()]).await.unwrap()
    }

    pub(crate) async fn answer(&self, session: &Session) -> Result<Option<String>, SessionFailure> {
        let head = ResponseHead::to("POST");
        let headers = self.manager.commit(session, &head).await?;
        let sent_back =
            |set: sessile::engine::SetCookie| set.as_str().split(';').next().unwrap().to_owned();
        Ok(headers.set_cookie.map(sent_back))
    }

    /// Answers a `POST`; the cookie that its response sets.
    pub(crate) async fn commit(&self, session: &Session) -> Option<String> {
        self.answer(session).await.unwrap()
    }

    /// The status of a `POST` that fails.
    pub(crate) async fn failure(&self, session: &Session) -> u16 {
        self.answer(session).await.unwrap_err().status()
    }

    /// A stored session with `n` = 1, as the cookie that names it.
    pub(crate) async fn stored(&self) -> String {
        let session = self.open("").await;
        session.insert("n", 1).unwrap();
        self.commit(&session).await.unwrap()
    }

    pub(crate) async fn n(&self, cookie: &str) -> Option<u32> {
        self.open(cookie).await.get("n").unwrap()
    }
}

pub(crate) fn increment(session: &Session) {
    session.update("n", |n: u32| n + 1).unwrap();
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
