//! Servers of the application, on stores that share nothing but the database.

use std::time::Duration;

use sessile::{
    config::Settings,
    engine::{SealingKey, SessionManager},
};

use crate::{engine::Store, race_suite::commit};

pub(crate) type App = SessionManager<Store>;

/// One application, on several stores.
pub(crate) fn apps(stores: [Store; 2], settings: &Settings) -> [App; 2] {
    let key = SealingKey::generate();
    stores.map(|store| SessionManager::new(store, key.clone(), settings.clone()).unwrap())
}

/// However slow the machine is, no request gives up.
pub(crate) fn patient() -> Settings {
    let mut settings = Settings::default();
    settings.store_timeout = Duration::from_secs(100);
    settings
}

/// The cookie of a new session, where `before` is 1.
pub(crate) async fn new_session(app: &App) -> String {
    let nothing: [&[u8]; 0] = [];
    let session = app.open(nothing).await.unwrap();
    session.insert("before", 1).unwrap();
    commit(app, &session).await.unwrap().expect("a cookie")
}
