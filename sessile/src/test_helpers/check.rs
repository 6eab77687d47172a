//! [`Check`]: one rule of the middleware, and the message if it is broken.

use std::{fmt, future::Future};

use actix_web::{
    cookie::{Cookie, time::Duration},
    dev::{Service, ServiceResponse},
    test::try_call_service,
};

/// A check of one rule over HTTP.
#[derive(Clone, Copy)]
pub(super) struct Check {
    rule: &'static str,
}

impl Check {
    pub(super) const fn of(rule: &'static str) -> Self {
        Self { rule }
    }

    /// Ends the suite with a message: the rule, and what the store and the middleware did instead.
    pub(super) fn broken(&self, verdict: impl fmt::Display) -> ! {
        panic!("rule broken: {}. {verdict}", self.rule);
    }

    /// Breaks the rule unless `found` is what it asks for. `what` names it in the message.
    pub(super) fn wants<T: PartialEq + fmt::Debug>(&self, what: &str, found: &T, wanted: &T) {
        if found != wanted {
            self.broken(format_args!(
                "{what} is {found:?}. The rule asks for {wanted:?}."
            ));
        }
    }

    /// Breaks the rule if there is no cookie. `by` names the request that has to set it.
    pub(super) fn wants_cookie<'c>(&self, by: &str, cookie: Option<Cookie<'c>>) -> Cookie<'c> {
        cookie.unwrap_or_else(|| self.broken(format_args!("{by} set no cookie.")))
    }

    /// Breaks the rule if there is a cookie. `by` names the request that must not set it.
    pub(super) fn wants_no_cookie(&self, by: &str, cookie: Option<&Cookie<'_>>) {
        if cookie.is_some() {
            self.broken(format_args!("{by} set the cookie."));
        }
    }

    /// Breaks the rule unless the cookie has this `Max-Age`.
    pub(super) fn wants_max_age(&self, by: &str, cookie: &Cookie<'_>, wanted: Duration) {
        let what = format!("the `Max-Age` of the cookie that {by} set");
        self.wants(&what, &cookie.max_age(), &Some(wanted));
    }

    /// The response to `request`, with any status. `name` names the request.
    pub(super) async fn answer<R>(
        &self,
        app: &impl Service<R, Response = ServiceResponse, Error = actix_web::Error>,
        name: &str,
        request: R,
    ) -> ServiceResponse {
        let answered = try_call_service(app, request).await;
        answered.unwrap_or_else(|error| {
            let status = error.as_response_error().status_code();
            self.broken(format_args!("{name} was answered {status}: {error}."))
        })
    }

    /// The response to `request`, which has to succeed.
    pub(super) async fn success<R>(
        &self,
        app: &impl Service<R, Response = ServiceResponse, Error = actix_web::Error>,
        name: &str,
        request: R,
    ) -> ServiceResponse {
        let response = self.answer(app, name, request).await;
        if !response.status().is_success() {
            self.broken(format_args!("{name} was answered {}.", response.status()));
        }
        response
    }

    /// The output of `future`, which has to succeed.
    pub(super) async fn succeeds<T, E: fmt::Display>(
        &self,
        name: &str,
        future: impl Future<Output = Result<T, E>>,
    ) -> T {
        future
            .await
            .unwrap_or_else(|error| self.broken(format_args!("{name} failed: {error}.")))
    }

    /// The one cookie called `name` among `cookies`, which may hold none. `by` names the request that set
    /// them.
    pub(super) fn only<'c>(
        &self,
        by: &str,
        name: &str,
        cookies: impl Iterator<Item = Cookie<'c>>,
    ) -> Option<Cookie<'c>> {
        let mut named = cookies.filter(|cookie| cookie.name() == name);
        let found = named.next();
        if named.next().is_some() {
            self.broken(format_args!("{by} set the cookie `{name}` twice."));
        }
        found
    }
}
