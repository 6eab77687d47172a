//! The session page: the values of the session, and its lifetime.

use actix_web::{HttpResponse, Result, http::StatusCode};
use askama::Template;
use sessile::Session;

use super::{Layout, Tab, moment::Moment, page, see_other};
use crate::names;

#[derive(Template)]
#[template(path = "session.html")]
struct Inside {
    layout: Layout,
    id: Option<String>,
    entries: Vec<Entry>,
    begun: Option<Moment>,
    authenticated: Option<Moment>,
    ends: Option<Moment>,
}

struct Entry {
    name: String,
    json: String,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    let entries = session.entries().into_iter();
    let entries = entries.map(|(name, value)| Entry {
        name,
        json: value.to_string(),
    });
    let mut entries: Vec<Entry> = entries.collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    page(
        StatusCode::OK,
        &Inside {
            layout: Layout::new(Tab::Session, &session)?,
            id: session.id().map(|id| id.to_string()),
            entries,
            begun: session.created_at().and_then(Moment::new),
            authenticated: session.authenticated_at().and_then(Moment::new),
            ends: session.expires_at().and_then(Moment::new),
        },
    )
}

pub(crate) async fn renew(session: Session) -> Result<HttpResponse> {
    session.renew();
    session.flash(
        names::NOTICE,
        "Your session has a new key and keeps all its values. The old key is invalid.",
    )?;
    Ok(see_other("/session"))
}
