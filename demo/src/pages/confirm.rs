//! Asking for the password again, before a sensitive action.

use actix_web::{HttpRequest, HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use sessile::extract::SignedIn;

use super::{
    Layout, Tab, page,
    password::{self, Refused},
    see_other,
};
use crate::site::Site;

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    layout: Layout,
    user: String,
    refused: Option<Refused>,
}

impl Confirm {
    fn new(user: &SignedIn, refused: Option<Refused>) -> Result<Self> {
        Ok(Self {
            layout: Layout::new(Tab::Devices, user.session())?,
            user: user.subject().to_owned(),
            refused,
        })
    }
}

pub(crate) async fn show(user: SignedIn) -> Result<HttpResponse> {
    page(StatusCode::OK, &Confirm::new(&user, None)?)
}

#[derive(Deserialize)]
pub(crate) struct Confirmation {
    password: String,
}

pub(crate) async fn confirm(
    request: HttpRequest,
    user: SignedIn,
    site: web::Data<Site>,
    web::Form(form): web::Form<Confirmation>,
) -> Result<HttpResponse> {
    let name = user.subject().to_owned();
    if let Err(refused) = password::check(&site, &request, name, form.password).await? {
        let form = Confirm::new(&user, Some(refused))?;
        return Ok(refused.respond(page(refused.status(), &form)?));
    }
    user.session().reauthenticate()?;
    Ok(see_other("/close-account"))
}
