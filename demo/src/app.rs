//! The application: its routes and its middleware.

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web,
};
use sessile::{SessionMiddleware, storage::SessionStore};

use crate::{guards, pages};

/// The maximum size of a form. It is larger than any form of this site.
const FORM_LIMIT: usize = 4 * 1024;

/// The whole site, with `sessions` as its session middleware.
pub(crate) fn app<Store: SessionStore + 'static>(
    sessions: SessionMiddleware<Store>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    // The middleware that is wrapped last receives the request first and the response last.
    App::new()
        .wrap(sessions)
        .wrap(from_fn(guards::refuse_other_sites))
        .wrap(from_fn(pages::error::finish))
        .configure(configure)
}

/// The routes without the middleware. They work with any session middleware.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .app_data(web::FormConfig::default().limit(FORM_LIMIT))
        .route("/", web::get().to(pages::home::show))
        .service(
            web::resource("/sign-in")
                .get(pages::sign_in::show)
                .post(pages::sign_in::sign_in),
        )
        .route("/sign-out", web::post().to(pages::ended::end))
        .route("/ended", web::get().to(pages::ended::show))
        .route("/session", web::get().to(pages::session::show))
        .route("/session/renew", web::post().to(pages::session::renew))
        .route("/parallel", web::get().to(pages::parallel::show))
        .service(web::scope("/api").configure(pages::parallel::api))
        .service(web::scope("/static").configure(pages::assets::files))
        .default_service(web::to(pages::error::not_found));
}
