//! One file for each page, and what they have in common.

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

/// A page's place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tab {
    Home,
    Parallel,
    Session,
    SignIn,
    /// A page that the navigation doesn't list.
    Other,
}

/// What surrounds the content of every page.
#[derive(Debug)]
struct Layout {
    tab: Tab,
    user: Option<String>,
    flash: Option<String>,
}

impl Layout {
    /// Takes the waiting message, if there is one, out of the session: it is shown once.
    fn new(tab: Tab, session: &Session) -> Result<Self, Error> {
        let user = session.get(names::USER)?;
        let flash = session.remove_as(names::FLASH).and_then(Result::ok);
        Ok(Self { tab, user, flash })
    }

    /// For pages that don't read the session, and so don't know the user.
    fn bare() -> Self {
        Self {
            tab: Tab::Other,
            user: None,
            flash: None,
        }
    }

    /// Whether the page links to the sign-in page: not from itself, and not where the visitor may be
    /// signed in already.
    fn offers_sign_in(&self) -> bool {
        self.user.is_none() && !matches!(self.tab, Tab::SignIn | Tab::Other)
    }
}

/// Leaves a message for the page that is shown next.
fn leave_message(session: &Session, message: &str) -> Result<(), Error> {
    Ok(session.insert(names::FLASH, message)?)
}

/// A page is made for one visitor at one moment: nothing keeps a copy, not even the browser, which
/// could show it again after a sign-out.
fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    let html = template.render().map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::build(status)
        .insert_header(ContentType::html())
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .body(html))
}

/// Sends a browser that posted a form on to a page, which it then gets.
fn see_other(location: &'static str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish()
}
