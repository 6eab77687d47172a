//! A browser, as far as these tests need one.

use actix_test::TestServer;
use actix_web::cookie::{Cookie, CookieJar, Key};
use aes_gcm::{Aes256Gcm, KeyInit as _, aead::AeadInOut as _};
use base64_simd::STANDARD;

use crate::servers::COOKIE;

/// Keeps the cookie that it was given last.
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

    /// What is there, and whether a cookie was set.
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

    /// What a signed jar makes of the cookie.
    pub(crate) fn signed_content(&self, key: &Key) -> String {
        let (jar, key) = (self.jar(), key.clone());
        let opened = jar.signed(&key).get(COOKIE).unwrap();
        opened.value().to_owned()
    }

    /// What is encrypted in the cookie, as text. A private jar of the `cookie` crate refuses what is not text.
    pub(crate) fn private_content(&self, key: &Key) -> String {
        let cookie = Cookie::parse_encoded(self.cookie.clone().unwrap()).unwrap();
        let mut sealed = STANDARD.decode_to_vec(cookie.value()).unwrap();
        let cipher = Aes256Gcm::new_from_slice(key.encryption()).unwrap();
        let (nonce, content) = sealed.split_at_mut(12);
        let (content, tag) = content.split_last_chunk_mut::<16>().unwrap();
        let nonce: [u8; 12] = (&*nonce).try_into().unwrap();
        let (name, tag) = (COOKIE.as_bytes(), (*tag).into());
        cipher
            .decrypt_inout_detached(&nonce.into(), name, (&mut *content).into(), &tag)
            .unwrap();
        String::from_utf8_lossy(content).into_owned()
    }

    fn jar(&self) -> CookieJar {
        let cookie = self.cookie.clone().unwrap();
        let mut jar = CookieJar::new();
        jar.add_original(Cookie::parse_encoded(cookie).unwrap());
        jar
    }
}
