//! The pages, one file each, and their common parts.

pub(crate) mod assets;
pub(crate) mod ended;
pub(crate) mod error;
pub(crate) mod home;
pub(crate) mod parallel;
pub(crate) mod session;
pub(crate) mod sign_in;

use actix_web::{
    Error, HttpResponse,
    error::ErrorInternalServerError,
    http::{
        StatusCode,
        header::{CacheControl, CacheDirective, ContentType, LOCATION},
    },
};
use askama::Template;
use sessile::Session;

use crate::names;

/// The place of a page in the navigation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tab {
    Home,
    Parallel,
    Session,
    SignIn,
    /// A page that the navigation doesn't list.
    Other,
}

/// The values for the common part of every page.
#[derive(Debug)]
struct Layout {
    tab: Tab,
    user: Option<String>,
    flash: Option<String>,
}

impl Layout {
    /// Removes the pending message from the session, if there is one, so that it is shown once.
    fn new(tab: Tab, session: &Session) -> Result<Self, Error> {
        let user = session.get(names::USER)?;
        let flash = session.remove_as(names::FLASH).and_then(Result::ok);
        Ok(Self { tab, user, flash })
    }

    /// The layout of pages that don't read the session and therefore don't know the user.
    fn bare() -> Self {
        Self {
            tab: Tab::Other,
            user: None,
            flash: None,
        }
    }

    /// Whether the page has a link to the sign-in page. The sign-in page has none, and neither has a page whose visitor
    /// may be signed in.
    fn offers_sign_in(&self) -> bool {
        self.user.is_none() && !matches!(self.tab, Tab::SignIn | Tab::Other)
    }
}

/// Stores a message for the page that is shown next.
fn store_message(session: &Session, message: &str) -> Result<(), Error> {
    Ok(session.insert(names::FLASH, message)?)
}

/// Renders a page. It is for one visitor, so no cache may store it. The browser may not either, because it could show the
/// page after a sign-out.
fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    let html = template.render().map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::build(status)
        .insert_header(ContentType::html())
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .body(html))
}

/// Redirects a browser from a `POST` to a page, which the browser then requests with `GET`.
fn see_other(location: &'static str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish()
}
