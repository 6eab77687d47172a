//! The start page: a counter, and who is here.

use actix_web::{HttpResponse, Result, http::StatusCode};
use askama::Template;
use sessile::Session;

use super::{Layout, Tab, page};
use crate::names;

/// How many polyps the reef has room for; it goes on counting when it is full.
const ROOM: u64 = 40;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    layout: Layout,
    visits: u64,
    room: u64,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    session.update_or(names::VISITS, 1_u64, |visits: u64| visits.saturating_add(1))?;
    let visits = session.get(names::VISITS)?.unwrap_or(1);
    let layout = Layout::new(Tab::Home, &session)?;
    page(
        StatusCode::OK,
        &Home {
            layout,
            visits,
            room: ROOM,
        },
    )
}
