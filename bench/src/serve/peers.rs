//! actix-session, set up as its documentation shows.

use actix_session::{
    Session, SessionMiddleware,
    storage::{CookieSessionStore, RedisSessionStore, SessionStore},
};
use actix_web::{App, HttpServer, Result};
use serde::Serialize;

use super::{
    COUNT,
    actix::{Visit, routes},
};

pub(super) async fn actix_cookie() -> anyhow::Result<()> {
    serve(CookieSessionStore::default).await
}

pub(super) async fn actix_redis(url: &str) -> anyhow::Result<()> {
    let store = RedisSessionStore::new(url).await?;
    serve(move || store.clone()).await
}

async fn serve<S: SessionStore + 'static>(
    store: impl Fn() -> S + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let server = HttpServer::new(move || {
        App::new()
            .wrap(SessionMiddleware::new(store(), super::key()))
            .configure(routes::<Session>)
    });
    Ok(server
        .workers(1)
        .keep_alive(super::WAITING)
        .client_request_timeout(super::WAITING)
        .listen(super::listen()?)?
        .run()
        .await?)
}

impl Visit for Session {
    fn put(&self, name: &str, value: impl Serialize) -> Result<()> {
        Ok(self.insert(name, value)?)
    }

    fn count(&self) -> Result<u64> {
        Ok(self.get(COUNT)?.unwrap_or(0))
    }

    fn add_one(&self) -> Result<u64> {
        let count = Visit::count(self)? + 1;
        self.insert(COUNT, count)?;
        Ok(count)
    }
}
