//! The devices of a user: the list, and the end of one session or of all others.

use actix_web::{HttpResponse, Result, error::ErrorNotFound, http::StatusCode, web};
use askama::Template;
use sessile::{Sessions, engine::SessionInfo, extract::SignedIn, storage::SessionId};

use super::{Layout, Tab, moment::Moment, page, see_other};
use crate::{names, site::Site, stores::Store};

#[derive(Template)]
#[template(path = "devices.html")]
struct Devices {
    layout: Layout,
    /// `None` if the store can't find the sessions of a user.
    devices: Option<Vec<Device>>,
}

struct Device {
    id: String,
    is_this: bool,
    browser: String,
    address: String,
    signed_in: Option<Moment>,
    used: Option<Moment>,
    ends: Option<Moment>,
}

impl Device {
    fn new(session: &SessionInfo, user: &SignedIn) -> Self {
        let label = |name| session.label(name).unwrap_or("unknown").to_owned();
        Self {
            id: session.id().to_string(),
            is_this: session.is(user.session()),
            browser: label(names::BROWSER),
            address: label(names::ADDRESS),
            signed_in: session.signed_in_at().and_then(Moment::new),
            used: Moment::new(session.used_at()),
            ends: Moment::new(session.expires_at()),
        }
    }
}

pub(crate) async fn show(user: SignedIn, site: web::Data<Site>) -> Result<HttpResponse> {
    let devices = match &site.devices {
        Some(sessions) => {
            let listed = sessions.list(user.subject()).await?;
            let mut devices: Vec<Device> = listed.iter().map(|it| Device::new(it, &user)).collect();
            devices.sort_by_key(|device| !device.is_this);
            Some(devices)
        }
        None => None,
    };
    page(
        StatusCode::OK,
        &Devices {
            layout: Layout::new(Tab::Devices, user.session())?,
            devices,
        },
    )
}

/// Ends one session. The id of another user's session ends nothing.
pub(crate) async fn end(
    user: SignedIn,
    site: web::Data<Site>,
    id: web::Path<SessionId>,
) -> Result<HttpResponse> {
    let has_ended = sessions(&site)?.end(user.subject(), &id).await?;
    let notice = match has_ended {
        true => "The session has ended. That device is signed out.",
        false => "You have no such session.",
    };
    user.session().flash(names::NOTICE, notice)?;
    Ok(see_other("/devices"))
}

/// Ends all sessions of the user but this one.
pub(crate) async fn end_others(user: SignedIn, site: web::Data<Site>) -> Result<HttpResponse> {
    let notice = match sessions(&site)?.end_others(user.session()).await? {
        0 => "There was no other session.".to_owned(),
        1 => "One session has ended. You are signed in here only.".to_owned(),
        count => format!("{count} sessions have ended. You are signed in here only."),
    };
    user.session().flash(names::NOTICE, notice)?;
    Ok(see_other("/devices"))
}

fn sessions(site: &Site) -> Result<&Sessions<Store>> {
    let sessions = site.devices.as_ref();
    sessions.ok_or_else(|| ErrorNotFound("the store can't find the sessions of a user"))
}
