//! Actix Web without a session layer, the baseline of all comparisons.

use std::convert::Infallible;

use actix_web::{App, FromRequest, HttpRequest, HttpServer, Result, dev::Payload};
use serde::Serialize;

use super::actix::{Visit, routes};

pub(super) async fn serve() -> anyhow::Result<()> {
    let server = HttpServer::new(|| App::new().configure(routes::<Unknown>));
    Ok(server
        .workers(1)
        .keep_alive(super::WAITING)
        .client_request_timeout(super::WAITING)
        .listen(super::listen()?)?
        .run()
        .await?)
}

/// A visitor without a session.
struct Unknown;

impl Visit for Unknown {
    fn put(&self, _: &str, _: impl Serialize) -> Result<()> {
        Ok(())
    }

    fn count(&self) -> Result<u64> {
        Ok(0)
    }

    fn add_one(&self) -> Result<u64> {
        Ok(0)
    }
}

impl FromRequest for Unknown {
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self, Infallible>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}
