//! Sign-out, which ends the session.

use actix_web::{HttpResponse, Result};
use sessile::Session;

use super::see_other;
use crate::names;

/// Ends the session, and begins another one for the message.
pub(crate) async fn sign_out(session: Session) -> Result<HttpResponse> {
    session.restart()?;
    session.flash(
        names::NOTICE,
        "Your session has ended. Copies of its cookie open nothing.",
    )?;
    Ok(see_other("/"))
}
