//! Servers of the application, on stores that share nothing but the database.

use sessile::{SealingKey, SessionManager, SetCookie, Settings};

use crate::engine::Store;

pub(crate) type App = SessionManager<Store>;

/// One application, on several stores.
pub(crate) fn apps(stores: [Store; 2], settings: &Settings) -> [App; 2] {
    let key = SealingKey::generate();
    stores.map(|store| SessionManager::new(store, key.clone(), settings.clone()).unwrap())
}

/// However slow the machine, no store is given up.
pub(crate) fn patient() -> Settings {
    let mut settings = Settings::default();
    settings.store_timeout = actix_web::cookie::time::Duration::seconds(100);
    settings
}

/// The `Cookie` header of who got this.
pub(crate) fn header(cookie: Option<SetCookie>) -> String {
    let cookie = cookie.expect("a cookie");
    cookie.as_str().split(';').next().unwrap().to_owned()
}

/// The cookie of a new session, where `before` is 1.
pub(crate) async fn new_session(app: &App) -> String {
    let nothing: [&[u8]; 0] = [];
    let session = app.open(nothing).await.unwrap();
    session.insert("before", 1).unwrap();
    header(app.commit(&session).await.unwrap())
}
