//! A sensitive action: closing the account, which ends all sessions of the user.

use actix_web::{HttpResponse, Result, http::StatusCode, web};
use askama::Template;
use sessile::extract::RecentlyAuthenticated;

use super::{Layout, Tab, page, see_other};
use crate::site::Site;

#[derive(Template)]
#[template(path = "close_account.html")]
struct CloseAccount {
    layout: Layout,
    /// The time in which the password need not be entered again, in seconds.
    recent: u64,
}

pub(crate) async fn show(
    user: RecentlyAuthenticated,
    site: web::Data<Site>,
) -> Result<HttpResponse> {
    page(
        StatusCode::OK,
        &CloseAccount {
            layout: Layout::new(Tab::Devices, user.session())?,
            recent: site.recent_authentication.as_secs(),
        },
    )
}

pub(crate) async fn close(
    user: RecentlyAuthenticated,
    site: web::Data<Site>,
) -> Result<HttpResponse> {
    if let Some(devices) = &site.devices {
        devices.end_all(user.subject()).await?;
    }
    // Makes the browser remove its cookie.
    user.session().sign_out();
    Ok(see_other("/account-closed"))
}

#[derive(Template)]
#[template(path = "account_closed.html")]
struct AccountClosed {
    layout: Layout,
}

pub(crate) async fn closed() -> Result<HttpResponse> {
    let layout = Layout::bare();
    page(StatusCode::OK, &AccountClosed { layout })
}
