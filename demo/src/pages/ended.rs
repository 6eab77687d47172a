//! Sign-out, which ends the session.

use actix_web::{HttpResponse, Result, http::StatusCode};
use askama::Template;
use sessile::Session;

use super::{Layout, page, see_other};

#[derive(Template)]
#[template(path = "ended.html")]
struct Ended {
    layout: Layout,
}

pub(crate) async fn end(session: Session) -> HttpResponse {
    session.purge();
    see_other("/ended")
}

pub(crate) async fn show() -> Result<HttpResponse> {
    page(
        StatusCode::OK,
        &Ended {
            layout: Layout::bare(),
        },
    )
}
