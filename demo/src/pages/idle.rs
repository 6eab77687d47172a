//! An idle timeout that the visitor can watch.

use std::time::{Duration, SystemTime};

use actix_web::{HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use serde::{Deserialize, Serialize};
use sessile::{Session, config::Persistence, extract::Unextended};

use super::{Layout, Tab, json, page, see_other};
use crate::names;

/// The timeout in seconds that the visitor has chosen: a `u64`.
const CHOSEN: &str = "idle timeout";

#[derive(Template)]
#[template(path = "idle.html")]
struct Idle {
    layout: Layout,
    chosen: Option<u64>,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    page(
        StatusCode::OK,
        &Idle {
            layout: Layout::new(Tab::Idle, &session)?,
            chosen: session.get(CHOSEN)?,
        },
    )
}

#[derive(Deserialize)]
pub(crate) struct Timeout {
    seconds: u64,
}

/// Gives this session a lifetime of its own.
pub(crate) async fn set(session: Session, form: web::Form<Timeout>) -> Result<HttpResponse> {
    let seconds = form.seconds.clamp(1, 3600);
    let timeout = Persistence::until_browser_closes(Duration::from_secs(seconds));
    session.set_persistence(timeout)?;
    session.insert(CHOSEN, seconds)?;
    Ok(see_other("/idle"))
}

/// Removes the session's own lifetime.
pub(crate) async fn reset(session: Session) -> Result<HttpResponse> {
    session.set_persistence(None)?;
    session.remove(CHOSEN);
    session.flash(names::NOTICE, "Your session has the usual lifetime again.")?;
    Ok(see_other("/idle"))
}

#[derive(Serialize)]
struct Remaining {
    /// `None` if there is no session.
    millis: Option<u64>,
}

/// The time until the session ends. Asking for it does not count as a use of the session.
pub(crate) async fn remaining(Unextended(session): Unextended) -> HttpResponse {
    let ends_at = session.expires_at().map(SystemTime::from);
    let remaining = ends_at.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
    json(&Remaining {
        millis: remaining.and_then(|it| it.as_millis().try_into().ok()),
    })
}
