//! An application with several workers.

use std::time::Duration;

use actix_test::{TestServer, config};
use actix_web::{
    App, HttpResponse, Result,
    cookie::Key,
    rt::{spawn, task::JoinHandle},
    web,
};
use serde_json::Value;
use sessile::{Session, SessionMiddleware, storage::SessionStore};

use crate::setup::in_time;

/// The number of workers of a server.
pub(crate) const WORKERS: usize = 3;

/// A server on `store`. The timeout of the engine is longer than the test.
pub(crate) fn serve<S: SessionStore + Clone>(store: S) -> TestServer {
    let key = Key::generate();
    actix_test::start_with(config().workers(WORKERS), move || {
        let sessions = SessionMiddleware::builder(store.clone(), key.clone())
            .store_timeout(Duration::from_secs(100))
            .build();
        App::new()
            .wrap(sessions)
            .route("/", web::get().to(show))
            .route("/add/{name}", web::get().to(add))
            .route("/purge", web::get().to(purge))
    })
}

async fn show(session: Session) -> HttpResponse {
    HttpResponse::Ok().json(session.entries())
}

async fn add(session: Session, name: web::Path<String>) -> Result<HttpResponse> {
    session.update_or(&name, 1, |n: u32| n + 1)?;
    Ok(HttpResponse::Ok().finish())
}

async fn purge(session: Session) -> HttpResponse {
    session.purge();
    HttpResponse::Ok().finish()
}

/// The response to a request.
pub(crate) struct Reply {
    pub(crate) status: u16,
    cookie: Option<String>,
    body: String,
}

impl Reply {
    /// The `name=value` of the cookie that was set.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        self.cookie.clone().expect("a cookie")
    }

    /// The session's content.
    #[track_caller]
    pub(crate) fn state(&self) -> Value {
        assert_eq!(self.status, 200);
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends a request over a new connection, so that the next worker gets it. It has been sent when this returns.
pub(crate) fn get(server: &TestServer, path: &str, cookie: &str) -> JoinHandle<Reply> {
    let request = server
        .get(path)
        .insert_header(("Cookie", cookie))
        .force_close();
    spawn(async move {
        let mut response = in_time(request.send()).await.unwrap();
        let set = response.headers().get("Set-Cookie");
        let pair = |set: &str| set.split(';').next().unwrap().to_owned();
        Reply {
            status: response.status().as_u16(),
            cookie: set.map(|set| pair(set.to_str().unwrap())),
            body: String::from_utf8(response.body().await.unwrap().to_vec()).unwrap(),
        }
    })
}
