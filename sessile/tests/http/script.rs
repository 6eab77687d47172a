//! A handler that runs the steps in the path, so that the steps of a test are in one place.
//!
//! Each segment of the path is one step: `/set:user:ferris/renew` puts a value into the session and renews it. The
//! response is the content of the session as JSON.
//!
//! Below `/handle`, the session is not an argument of the handler. The handler gets it from the request, and the
//! response is `null` if it is not loaded.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    error::ErrorImATeapot,
    http::header::{CACHE_CONTROL, VARY},
    web::{self, ServiceConfig},
};
use serde_json::Value;
use sessile::{Session, SessionExt as _, config::Persistence};
use tokio::sync::{Barrier, mpsc::UnboundedSender};

/// The data that the steps of a script need beside the session.
#[derive(Clone)]
pub(crate) struct Props {
    /// Where `meet` waits until all are there.
    pub(crate) meeting: Arc<Barrier>,
    /// The sessions of the step `hand_out`.
    pub(crate) handles: UnboundedSender<Session>,
}

/// The body of the response to the step `fail`.
pub(crate) const FAILURE: &str = "short and stout";

pub(crate) fn configure(props: Props) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(props.clone()))
            .service(web::scope("/handle").default_service(web::to(run_on_handle)))
            .default_service(web::to(run));
    }
}

async fn run(
    session: Session,
    props: web::Data<Props>,
    request: HttpRequest,
) -> actix_web::Result<HttpResponse> {
    let mut response = HttpResponse::Ok();
    for step in request.path().split('/').filter(|step| !step.is_empty()) {
        perform(step, &session, &props, &mut response).await?;
    }
    Ok(response.json(content(&session)))
}

async fn run_on_handle(
    props: web::Data<Props>,
    request: HttpRequest,
) -> actix_web::Result<HttpResponse> {
    let session = request.get_session();
    let mut response = HttpResponse::Ok();
    for step in request.path().split('/').filter(|step| !step.is_empty()) {
        perform(step, &session, &props, &mut response).await?;
    }
    Ok(response.json(session.is_loaded().then(|| content(&session))))
}

fn content(session: &Session) -> BTreeMap<String, Value> {
    session.entries().into_iter().collect()
}

async fn perform(
    step: &str,
    session: &Session,
    props: &Props,
    response: &mut HttpResponseBuilder,
) -> actix_web::Result<()> {
    let words: Vec<_> = step.split(':').collect();
    match words[..] {
        ["set", name, value] => {
            session.insert(name, value.parse().unwrap_or_else(|_| Value::from(value)))?;
        }
        ["fill", name, length] => session.insert(name, "x".repeat(length.parse().unwrap()))?,
        ["add", name] => session.update_or(name, 1, |n: u32| n + 1)?,
        ["update", name] => session.update(name, |n: u32| n + 1)?,
        ["number", name] => drop(session.get::<u32>(name)?),
        ["remove", name] => drop(session.remove(name)),
        ["clear"] => session.clear(),
        ["renew"] => session.renew(),
        ["purge"] => session.purge(),
        ["sign_in", subject] => session.sign_in(subject).await?,
        ["reauthenticate"] => session.reauthenticate()?,
        ["remember", seconds] => {
            let idle = Duration::from_secs(seconds.parse().unwrap());
            session.set_persistence(Persistence::remembered(idle))?;
        }
        ["forget"] => session.set_persistence(None)?,
        ["unextended"] => session.set_extends_life(false),
        ["save"] => session.save().await?,
        ["restart"] => session.restart()?,
        ["discard"] => session.discard(),
        ["reload"] => session.reload().await?,
        ["try_save"] => drop(session.save().await),
        ["meet"] => {
            props.meeting.wait().await;
        }
        ["hand_out"] => props.handles.send(session.clone()).unwrap(),
        ["load"] => session.load().await?,
        ["in" | "handle"] => {}
        ["fail"] => return Err(ErrorImATeapot(FAILURE)),
        ["header", "cache-control", value] => {
            response.insert_header((CACHE_CONTROL, value));
        }
        ["header", "vary", value] => {
            response.insert_header((VARY, value));
        }
        _ => panic!("no such step: {step}"),
    }
    Ok(())
}
