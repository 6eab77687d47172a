//! The page that compares two stores under concurrent requests.

use actix_web::{HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use sessile::Session;

use super::{Layout, Tab, page, race};
use crate::site::Site;

#[derive(Template)]
#[template(path = "parallel.html")]
struct Parallel {
    layout: Layout,
    requests: usize,
    keeps_nothing: bool,
}

pub(crate) async fn show(session: Session, site: web::Data<Site>) -> Result<HttpResponse> {
    page(
        StatusCode::OK,
        &Parallel {
            layout: Layout::new(Tab::Parallel, &session)?,
            requests: race::REQUESTS,
            keeps_nothing: site.keeps_nothing,
        },
    )
}
