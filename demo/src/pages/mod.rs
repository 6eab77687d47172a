//! The pages, one file each, and their common parts.

pub(crate) mod assets;
pub(crate) mod close_account;
pub(crate) mod confirm;
pub(crate) mod devices;
pub(crate) mod error;
pub(crate) mod home;
pub(crate) mod idle;
mod moment;
pub(crate) mod outage;
pub(crate) mod parallel;
mod password;
pub(crate) mod race;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod sign_out;

use actix_web::{
    Error, HttpResponse,
    error::ErrorInternalServerError,
    http::{
        StatusCode,
        header::{CacheControl, CacheDirective, ContentType, LOCATION},
    },
};
use askama::Template;
use sessile::{
    Session,
    error::{SessionGetError, WriteError},
};

use crate::names;

/// The place of a page in the navigation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tab {
    Home,
    Parallel,
    Devices,
    Idle,
    Outage,
    Session,
    SignIn,
    /// A page that does not read the session, and so does not know the user.
    Bare,
}

/// A page in the navigation.
struct Link {
    path: &'static str,
    name: &'static str,
    is_current: bool,
}

/// The values for the common part of every page.
#[derive(Debug)]
struct Layout {
    tab: Tab,
    session: Session,
    user: Option<String>,
    notices: Vec<String>,
}

impl Layout {
    /// Takes the pending messages from the session, so that they are shown once.
    fn new(tab: Tab, session: &Session) -> Result<Self, SessionGetError> {
        Ok(Self {
            tab,
            session: session.clone(),
            user: session.subject(),
            notices: session.take_flash(names::NOTICE)?,
        })
    }

    fn bare() -> Self {
        Self {
            tab: Tab::Bare,
            session: Session::new(),
            user: None,
            notices: Vec::new(),
        }
    }

    /// The field that each form needs. Begins a session for a visitor without one, so only pages with a form call it.
    fn csrf_field(&self) -> Result<String, WriteError> {
        self.session.csrf_field()
    }

    fn navigation(&self) -> [Link; 6] {
        [
            (Tab::Home, "/", "Home"),
            (Tab::Parallel, "/parallel", "Twenty at once"),
            (Tab::Devices, "/devices", "Devices"),
            (Tab::Idle, "/idle", "Idle timeout"),
            (Tab::Outage, "/outage", "Outage"),
            (Tab::Session, "/session", "Session"),
        ]
        .map(|(tab, path, name)| Link {
            path,
            name,
            is_current: tab == self.tab,
        })
    }

    /// Whether the page has a link to the sign-in page.
    fn offers_sign_in(&self) -> bool {
        self.user.is_none() && !matches!(self.tab, Tab::SignIn | Tab::Bare)
    }
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

/// A reply to a script.
fn json(body: &impl serde::Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(body)
}
