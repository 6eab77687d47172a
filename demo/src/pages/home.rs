//! The start page: a visit counter, and the user.

use actix_web::{HttpResponse, Result, http::StatusCode};
use askama::Template;
use sessile::Session;

use super::{Layout, Tab, page};
use crate::names;

/// The number of polyps that the page draws. The counter has no such limit.
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
