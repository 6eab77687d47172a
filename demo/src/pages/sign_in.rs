//! The sign-in page.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, Result,
    http::{StatusCode, header::USER_AGENT},
    web,
};
use askama::Template;
use serde::Deserialize;
use sessile::{Session, config::Persistence, error::AuthenticationError};

use super::{
    Layout, Tab, page,
    password::{self, Refused},
    see_other,
};
use crate::{
    accounts::{ACCOUNTS, Account},
    browser, names,
    site::Site,
};

/// The idle timeout of a session with "remember me".
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// The response to a guest who opens a page for users, or to a user whose password was entered too long ago.
pub(crate) fn ask(_: &HttpRequest, error: &AuthenticationError) -> HttpResponse {
    see_other(match error {
        AuthenticationError::NotRecent { .. } => "/confirm",
        _ => "/sign-in",
    })
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    layout: Layout,
    accounts: &'static [Account],
    /// The name that the visitor entered, so that it can be corrected.
    name: String,
    refused: Option<Refused>,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    let layout = Layout::new(Tab::SignIn, &session)?;
    if layout.user.is_some() {
        return Ok(see_other("/devices"));
    }
    page(
        StatusCode::OK,
        &SignIn {
            layout,
            accounts: &ACCOUNTS,
            name: String::new(),
            refused: None,
        },
    )
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
    /// A browser sends a box only if it is ticked.
    remember: Option<String>,
}

pub(crate) async fn sign_in(
    request: HttpRequest,
    session: Session,
    site: web::Data<Site>,
    web::Form(form): web::Form<Credentials>,
) -> Result<HttpResponse> {
    let checked = password::check(&site, &request, form.name.clone(), form.password).await?;
    let account = match checked {
        Ok(account) => account,
        Err(refused) => {
            let form = SignIn {
                layout: Layout::new(Tab::SignIn, &session)?,
                accounts: &ACCOUNTS,
                name: form.name,
                refused: Some(refused),
            };
            return Ok(refused.respond(page(refused.status(), &form)?));
        }
    };

    // The session gets a new key. A key that an attacker set or saw before is invalid from here on.
    session.sign_in(account.name).await?;
    let remembered = form.remember.map(|_| Persistence::remembered(REMEMBERED));
    session.set_persistence(remembered)?;
    let user_agent = request.headers().get(USER_AGENT);
    let browser = user_agent.and_then(|header| header.to_str().ok());
    session.set_label(
        names::BROWSER,
        Some(&browser::name_of(browser.unwrap_or(""))),
    )?;
    let address = request.peer_addr().map(|address| address.ip().to_string());
    session.set_label(names::ADDRESS, address.as_deref())?;
    session.flash(names::NOTICE, format!("Welcome, {}.", account.name))?;
    Ok(see_other("/devices"))
}
