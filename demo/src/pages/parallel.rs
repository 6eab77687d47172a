//! Concurrent requests of one session, and the writes that remain afterwards.

use std::time::Duration;

use actix_web::{
    HttpResponse, Result, error,
    http::{
        StatusCode,
        header::{CacheControl, CacheDirective},
    },
    rt, web,
};
use askama::Template;
use serde::Serialize;
use sessile::Session;

use super::{Layout, Tab, page};
use crate::names;

/// The number of requests of a run.
const REQUESTS: usize = 20;

/// The delay that is added to each request. A browser opens only a few connections at a time. With the delay, all open
/// requests overlap between their read and their write of the session.
const DELAY: Duration = Duration::from_millis(40);

#[derive(Template)]
#[template(path = "parallel.html")]
struct Parallel {
    layout: Layout,
    requests: usize,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse> {
    page(
        StatusCode::OK,
        &Parallel {
            layout: Layout::new(Tab::Parallel, &session)?,
            requests: REQUESTS,
        },
    )
}

/// The routes for the script of the page.
pub(crate) fn api(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/keys").get(keys).post(start_keys))
        .route("/keys/{number}", web::post().to(set_key))
        .service(web::resource("/counter").get(count).post(start_counter))
        .route("/counter/{number}", web::post().to(increment));
}

/// The numbers of the requests whose values are stored.
#[derive(Serialize)]
struct Keys {
    kept: Vec<usize>,
}

/// The number of stored increments.
#[derive(Serialize)]
struct Count {
    kept: u64,
}

async fn start_keys(session: Session) -> Result<HttpResponse> {
    for number in 0..REQUESTS {
        session.remove(&names::polyp(number));
    }
    count_run(&session)
}

async fn set_key(session: Session, number: web::Path<usize>) -> Result<HttpResponse> {
    let number = known(*number)?;
    session.insert(names::polyp(number), true)?;
    delay().await
}

async fn keys(session: Session) -> HttpResponse {
    let kept = (0..REQUESTS)
        .filter(|number| session.contains_key(&names::polyp(*number)))
        .collect();
    json(&Keys { kept })
}

async fn start_counter(session: Session) -> Result<HttpResponse> {
    session.insert(names::COUNTER, 0_u64)?;
    count_run(&session)
}

async fn increment(session: Session, number: web::Path<usize>) -> Result<HttpResponse> {
    known(*number)?;
    session.update_or(names::COUNTER, 1_u64, |count: u64| count.saturating_add(1))?;
    delay().await
}

async fn count(session: Session) -> Result<HttpResponse> {
    let kept = session.get(names::COUNTER)?.unwrap_or(0);
    Ok(json(&Count { kept }))
}

/// Counts the run. This write begins a session for a visitor without one. Otherwise each of the concurrent requests
/// would begin its own session.
fn count_run(session: &Session) -> Result<HttpResponse> {
    session.update_or(names::RUNS, 1_u64, |runs: u64| runs.saturating_add(1))?;
    Ok(done())
}

fn known(number: usize) -> Result<usize> {
    if number < REQUESTS {
        Ok(number)
    } else {
        Err(error::ErrorNotFound("no such request"))
    }
}

async fn delay() -> Result<HttpResponse> {
    rt::time::sleep(DELAY).await;
    Ok(done())
}

fn done() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish()
}

fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(body)
}
