//! Requests that run side by side on one session, and what is left of their writes.

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

/// How many requests a run starts.
const REQUESTS: usize = 20;

/// How long each request takes on top of its own work. A browser opens only a few connections at a
/// time; this way, all that are open surely overlap between reading the session and writing it.
const DAWDLE: Duration = Duration::from_millis(40);

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

/// The routes that the page's script asks.
pub(crate) fn api(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/keys").get(keys).post(start_keys))
        .route("/keys/{number}", web::post().to(set_key))
        .service(web::resource("/counter").get(count).post(start_counter))
        .route("/counter/{number}", web::post().to(increment));
}

/// Which of the requests left what they wrote.
#[derive(Serialize)]
struct Keys {
    kept: Vec<usize>,
}

/// How many increments are left.
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
    dawdle().await
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
    dawdle().await
}

async fn count(session: Session) -> Result<HttpResponse> {
    let kept = session.get(names::COUNTER)?.unwrap_or(0);
    Ok(json(&Count { kept }))
}

/// Besides counting, this writes, so that a visitor without a session has one before the parallel
/// requests are on their way; otherwise each of them would be answered with a session of its own.
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

async fn dawdle() -> Result<HttpResponse> {
    rt::time::sleep(DAWDLE).await;
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
