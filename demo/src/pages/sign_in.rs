//! The sign-in page.

use actix_web::{HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use sessile::Session;

use super::{Layout, Tab, page, see_other, store_message};
use crate::{
    accounts::{self, ACCOUNTS, Account},
    names,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    layout: Layout,
    accounts: &'static [Account],
    /// The name that the visitor entered, so that it can be corrected.
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
    let entered = name.clone();
    let account = web::block(move || accounts::verify(&name, &password)).await?;

    let Some(account) = account else {
        return page(
            StatusCode::UNPROCESSABLE_ENTITY,
            &SignIn {
                layout: Layout::new(Tab::SignIn, &session)?,
                accounts: &ACCOUNTS,
                name: entered,
                refused: true,
            },
        );
    };

    // A sign-in needs a new key. A key that an attacker set or saw before is invalid from here on.
    session.renew();
    session.insert(names::USER, account.name)?;
    store_message(&session, &format!("Welcome, {}.", account.name))?;
    Ok(see_other("/"))
}
