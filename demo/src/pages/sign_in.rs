//! Signing in.

use actix_web::{HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use sessile::Session;

use super::{Layout, Tab, leave_message, page, see_other};
use crate::{
    accounts::{self, ACCOUNTS, Account},
    names,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    layout: Layout,
    accounts: &'static [Account],
    /// What was typed as a name, to be put right rather than typed again.
    name: String,
    refused: bool,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    let layout = Layout::new(Tab::SignIn, &session)?;
    if layout.user.is_some() {
        return Ok(see_other("/session"));
    }
    page(
        StatusCode::OK,
        &SignIn {
            layout,
            accounts: &ACCOUNTS,
            name: String::new(),
            refused: false,
        },
    )
}

pub(crate) async fn sign_in(
    session: Session,
    web::Form(Credentials { name, password }): web::Form<Credentials>,
) -> Result<HttpResponse> {
    let typed = name.clone();
    let account = web::block(move || accounts::verify(&name, &password)).await?;

    let Some(account) = account else {
        return page(
            StatusCode::UNPROCESSABLE_ENTITY,
            &SignIn {
                layout: Layout::new(Tab::SignIn, &session)?,
                accounts: &ACCOUNTS,
                name: typed,
                refused: true,
            },
        );
    };

    // A new key for a new privilege: an old key that an attacker planted or saw opens nothing from
    // here on.
    session.renew();
    session.insert(names::USER, account.name)?;
    leave_message(&session, &format!("Welcome aboard, {}.", account.name))?;
    Ok(see_other("/"))
}
