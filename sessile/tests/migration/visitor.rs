//! A simple browser.

use actix_test::TestServer;
use actix_web::cookie::{Cookie, CookieJar, Key};

use crate::servers::COOKIE;

/// Keeps the last cookie that it received.
#[derive(Clone, Default)]
pub(crate) struct Visitor {
    cookie: Option<String>,
}

impl Visitor {
    /// Signed in on `server`, where they have then counted up to `count`.
    pub(crate) async fn signed_in(server: &TestServer, user: &str, count: u32) -> Self {
        let mut visitor = Self::default();
        visitor.get(server, &format!("/sign-in/{user}")).await;
        for _ in 0..count {
            visitor.get(server, "/count").await;
        }
        visitor
    }

    /// The body, and whether a cookie was set.
    pub(crate) async fn look(&mut self, server: &TestServer, path: &str) -> (String, bool) {
        let mut request = server.get(path);
        if let Some(cookie) = &self.cookie {
            request = request.insert_header(("Cookie", cookie.as_str()));
        }
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let set = response.headers().get("Set-Cookie");
        let set = set.map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned());
        let was_set = set.is_some();
        self.cookie = set.or(self.cookie.take());
        let body = response.body().await.unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), was_set)
    }

    pub(crate) async fn get(&mut self, server: &TestServer, path: &str) -> String {
        self.look(server, path).await.0
    }

    /// What actix-session sealed in the cookie; `None` if it did not seal it.
    pub(crate) fn old_content(&self, key: &Key, is_private: bool) -> Option<String> {
        let jar = self.jar();
        let opened = match is_private {
            true => jar.private(key).get(COOKIE),
            false => jar.signed(key).get(COOKIE),
        };
        opened.map(|cookie| cookie.value().to_owned())
    }

    fn jar(&self) -> CookieJar {
        let cookie = self.cookie.clone().unwrap();
        let mut jar = CookieJar::new();
        jar.add_original(Cookie::parse_encoded(cookie).unwrap());
        jar
    }
}
