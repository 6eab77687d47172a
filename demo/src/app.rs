//! The application: its routes and its middleware.

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, get, post},
};
use sessile::extract::CsrfGuard;

use crate::{pages, site::Site};

/// The maximum size of a form. It is larger than any form of this site.
const FORM_LIMIT: usize = 4 * 1024;

/// The whole site.
pub(crate) fn app(
    site: Site,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let csrf = CsrfGuard::new()
        .max_form_bytes(FORM_LIMIT)
        .on_refused(pages::error::forged);
    // Of the middleware of a scope, the last one receives the request first.
    App::new()
        .app_data(web::Data::new(site.clone()))
        .app_data(web::FormConfig::default().limit(FORM_LIMIT))
        .wrap(from_fn(pages::error::finish))
        .service(
            web::scope("/overwriting")
                .wrap(csrf.clone())
                .wrap(site.overwriting)
                .configure(pages::race::routes),
        )
        .service(
            web::scope("")
                .wrap(csrf)
                .wrap(site.middleware)
                .configure(routes),
        )
}

fn routes(config: &mut web::ServiceConfig) {
    use pages::{assets, close_account, confirm, devices, error, home, idle, outage, parallel};
    use pages::{race, session, sign_in, sign_out};

    config
        .route("/", get().to(home::show))
        .route("/parallel", get().to(parallel::show))
        .service(web::scope("/merging").configure(race::routes))
        .route("/sign-in", get().to(sign_in::show))
        .route("/sign-in", post().to(sign_in::sign_in))
        .route("/sign-out", post().to(sign_out::sign_out))
        .route("/devices", get().to(devices::show))
        .route("/devices/end-others", post().to(devices::end_others))
        .route("/devices/{id}/end", post().to(devices::end))
        .route("/confirm", get().to(confirm::show))
        .route("/confirm", post().to(confirm::confirm))
        .route("/close-account", get().to(close_account::show))
        .route("/close-account", post().to(close_account::close))
        .route("/account-closed", get().to(close_account::closed))
        .route("/idle", get().to(idle::show))
        .route("/idle", post().to(idle::set))
        .route("/idle/reset", post().to(idle::reset))
        .route("/idle/remaining", get().to(idle::remaining))
        .route("/outage", get().to(outage::show))
        .route("/outage", post().to(outage::begin))
        .route("/session", get().to(session::show))
        .route("/session/renew", post().to(session::renew))
        .service(web::scope("/static").configure(assets::files))
        .default_service(web::to(error::not_found));
}
