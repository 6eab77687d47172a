//! Checking a password, at a limited rate.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, Result,
    error::ErrorInternalServerError,
    http::{StatusCode, header::RETRY_AFTER},
    web,
};

use crate::{
    accounts::{self, Account},
    site::Site,
};

/// Why a password was refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    Wrong,
    TooManyAttempts { retry_after: Duration },
}

/// Returns the account with this name and password.
pub(super) async fn check(
    site: &Site,
    request: &HttpRequest,
    name: String,
    password: String,
) -> Result<Result<&'static Account, Refused>> {
    // No proxy is in front of the server, so this is the address of the client.
    let address = request.peer_addr().map(|address| address.ip());
    let address = address.ok_or_else(|| ErrorInternalServerError("no address of the client"))?;
    let attempt = match site.throttle.begin(&name, address) {
        Ok(attempt) => attempt,
        Err(error) => {
            let retry_after = error.retry_after;
            return Ok(Err(Refused::TooManyAttempts { retry_after }));
        }
    };
    let account = web::block(move || accounts::verify(&name, &password)).await?;
    if account.is_some() {
        site.throttle.forgive(attempt);
    }
    Ok(account.ok_or(Refused::Wrong))
}

impl Refused {
    /// The status of the page that shows the form again.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The page, with the time after which the client may try again.
    pub(super) fn respond(self, mut page: HttpResponse) -> HttpResponse {
        if let Self::TooManyAttempts { retry_after } = self {
            let seconds = retry_after.as_secs().saturating_add(1);
            page.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        page
    }

    /// The message on the page. `wrong` is that for a wrong password.
    pub(super) fn message<'a>(&self, wrong: &'a str) -> &'a str {
        match self {
            Self::Wrong => wrong,
            Self::TooManyAttempts { .. } => {
                "There were too many wrong passwords. Please wait a few minutes."
            }
        }
    }
}
