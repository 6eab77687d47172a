//! The same application on either library.

use std::{thread, time::Duration};

/// The settings of both.
pub(crate) const COOKIE: &str = "sid";

/// How long a session lives on the old server, and how long on ours.
pub(crate) const OLD_TTL: Duration = Duration::from_secs(3600);
pub(crate) const TTL: Duration = Duration::from_secs(7200);

/// The application, in a module for the library that is called `$library` here.
macro_rules! application {
    ($name:ident, $library:ident) => {
        pub(crate) mod $name {
            use actix_test::TestServer;
            use actix_web::{App, HttpResponse, Result, web};
            use $library::{Session, SessionMiddleware, storage::SessionStore};

            async fn show(session: Session) -> Result<String> {
                let user: Option<String> = session.get("user_id")?;
                let count: Option<u32> = session.get("count")?;
                Ok(match user {
                    Some(user) => format!("{user} {}", count.unwrap_or(0)),
                    None => "guest".to_owned(),
                })
            }

            async fn sign_in(session: Session, user: web::Path<String>) -> Result<HttpResponse> {
                session.renew();
                session.insert("user_id", &*user)?;
                Ok(HttpResponse::Ok().finish())
            }

            async fn count(session: Session) -> Result<HttpResponse> {
                let count: Option<u32> = session.get("count")?;
                session.insert("count", count.unwrap_or(0) + 1)?;
                Ok(HttpResponse::Ok().finish())
            }

            async fn renew(session: Session) -> HttpResponse {
                session.renew();
                HttpResponse::Ok().finish()
            }

            async fn sign_out(session: Session) -> HttpResponse {
                session.purge();
                HttpResponse::Ok().finish()
            }

            pub(crate) fn start<S: SessionStore + 'static>(
                middleware: impl Fn() -> SessionMiddleware<S> + Clone + Send + 'static,
            ) -> TestServer {
                actix_test::start(move || {
                    App::new()
                        .wrap(middleware())
                        .route("/", web::get().to(show))
                        .route("/sign-in/{user}", web::get().to(sign_in))
                        .route("/count", web::get().to(count))
                        .route("/renew", web::get().to(renew))
                        .route("/sign-out", web::get().to(sign_out))
                })
            }
        }
    };
}

application!(old, actix_session);
application!(ours, sessile);

/// The output of `make` on its own runtime, which keeps driving its connections.
pub(crate) fn connect<T: Send + 'static, F: Future<Output = T>>(
    make: impl FnOnce() -> F + Send + 'static,
) -> T {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            tell.send(make().await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}
