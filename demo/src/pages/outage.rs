//! A store that is down for some seconds.

use std::time::Duration;

use actix_web::{HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use sessile::Session;

use super::{Layout, Tab, page, see_other};
use crate::{names, site::Site};

#[derive(Template)]
#[template(path = "outage.html")]
struct OutagePage {
    layout: Layout,
    visits: u64,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    page(
        StatusCode::OK,
        &OutagePage {
            layout: Layout::new(Tab::Outage, &session)?,
            visits: session.get(names::VISITS)?.unwrap_or(0),
        },
    )
}

#[derive(Deserialize)]
pub(crate) struct Length {
    seconds: u64,
}

/// Takes the store down. The next page needs the store, so it fails.
pub(crate) async fn begin(site: web::Data<Site>, form: web::Form<Length>) -> HttpResponse {
    site.outage
        .begin(Duration::from_secs(form.seconds.clamp(1, 60)));
    see_other("/outage")
}
