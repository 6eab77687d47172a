//! Concurrent requests of one session, and the writes that remain afterwards.
//!
//! The same handlers run twice: in a session whose store compares versions, and in one whose store does not.

use std::time::Duration;

use actix_web::{HttpResponse, Result, error, rt, web};
use serde::Serialize;
use sessile::Session;

use super::json;
use crate::names;

/// The number of requests of a run.
pub(crate) const REQUESTS: usize = 20;

/// The delay that is added to each request. A browser opens only a few connections at a time. With the delay, all open
/// requests overlap between their read and their write of the session.
const DELAY: Duration = Duration::from_millis(40);

/// The routes for the script of the page.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("").get(outcome).post(reset))
        .route("/{number}", web::post().to(write));
}

#[derive(Serialize)]
struct Outcome {
    /// The stored count.
    count: u64,
    /// The numbers of the requests whose values are stored.
    kept: Vec<usize>,
    /// The token that the script sends with each request.
    csrf_token: String,
}

/// The token begins a session for a visitor without one. Otherwise, each of the concurrent requests would begin its own.
async fn outcome(session: Session) -> Result<HttpResponse> {
    let is_kept = |number: &usize| session.contains_key(&names::polyp(*number));
    Ok(json(&Outcome {
        count: session.get(names::COUNTER)?.unwrap_or(0),
        kept: (0..REQUESTS).filter(is_kept).collect(),
        csrf_token: session.csrf_token()?,
    }))
}

async fn reset(session: Session) -> Result<HttpResponse> {
    for number in 0..REQUESTS {
        session.remove(&names::polyp(number));
    }
    session.insert(names::COUNTER, 0_u64)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds one to the counter, and sets a value of this request.
async fn write(session: Session, number: web::Path<usize>) -> Result<HttpResponse> {
    if *number >= REQUESTS {
        return Err(error::ErrorNotFound("no such request"));
    }
    session.update_or(names::COUNTER, 1_u64, |count: u64| count.saturating_add(1))?;
    session.insert(names::polyp(*number), true)?;
    rt::time::sleep(DELAY).await;
    Ok(HttpResponse::NoContent().finish())
}
