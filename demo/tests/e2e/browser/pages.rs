//! Visits, sign-in and sign-out, messages, and the session page.

use sessile_rig::Chromedriver;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::Browser;
use crate::site::Site;

#[tokio::test]
async fn visits_are_counted_and_the_cookie_has_its_attributes() {
    let (site, browser, _driver) = open().await;
    for visits in 1..=3 {
        browser.goto(&site.at("/")).await;
        assert_eq!(browser.text("#visits").await, visits.to_string());
        let open = browser.all(".reef .open").await.len();
        assert_eq!(open, visits);
    }

    let cookie = browser.cookie().await;
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(cookie.same_site().unwrap().to_string(), "Lax");
    assert_eq!(cookie.path(), Some("/"));
    // Chromium reports the host of a cookie without a domain.
    assert_eq!(cookie.domain(), Some("127.0.0.1"));
    assert!(cookie.expires().is_none());
    assert_eq!(browser.script("return document.cookie").await, "");
}

#[tokio::test]
async fn sign_in_and_sign_out_take_effect() {
    let (site, browser, _driver) = open().await;
    browser.goto(&site.at("/")).await;
    browser.follow("#sign-in").await;

    browser.enter_credentials("ferris", "urchin").await;
    let refusal = browser.text("#refusal").await;
    assert!(refusal.contains("No account"), "{refusal}");
    assert!(!browser.has("#user").await);

    browser.enter_credentials("ferris", "crab").await;
    browser.wait_for_address(&site.at("/devices")).await;
    assert_eq!(browser.text("#user").await, "ferris");
    assert_eq!(browser.text(".flash").await, "Welcome, ferris.");
    // The session with the new key keeps the visits.
    browser.goto(&site.at("/")).await;
    assert_eq!(browser.text("#visits").await, "2");
    assert!(!browser.has(".flash").await);

    let signed_in = browser.cookie().await;
    browser.follow("#sign-out").await;
    let notice = browser.text(".flash").await;
    assert!(notice.contains("Your session has ended."), "{notice}");
    assert_eq!(browser.text("#visits").await, "1");
    assert!(browser.has("#sign-in").await);

    browser.client.add_cookie(signed_in).await.unwrap();
    browser.goto(&site.at("/")).await;
    assert!(browser.has("#sign-in").await);
    assert!(!browser.has("#user").await);
    assert_eq!(browser.text("#visits").await, "1");
}

/// Serves a page with a form that is sent to `action`, on a port of its own, which is returned.
async fn serve_forged_form(action: &str) -> u16 {
    let page =
        format!(r#"<form method="post" action="{action}"><button id="send"></button></form>"#);
    let length = page.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{page}"
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let response = response.clone();
            tokio::spawn(async move {
                // The browser may close a connection that it does not need.
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok_and(|len| len > 0) {
                    let _ = stream.write_all(response.as_bytes()).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_form_that_a_page_of_another_origin_sends_is_refused() {
    let (site, browser, _driver) = open().await;
    browser.sign_in(&site.at(""), "ferris").await;
    let port = serve_forged_form(&site.at("/sign-out")).await;
    // To the browser, another port is the same site, so it sends the cookie. Another name is another site.
    for host in ["127.0.0.1", "localhost"] {
        browser.goto(&format!("http://{host}:{port}/")).await;
        browser.follow("#send").await;
        let refusal = browser.body().await;
        assert!(refusal.contains("Request from another site"), "{refusal}");
        browser.goto(&site.at("/devices")).await;
        assert_eq!(browser.text("#user").await, "ferris");
    }
}

#[tokio::test]
async fn the_session_page_shows_values_and_expiry() {
    let (site, browser, _driver) = open().await;
    browser.goto(&site.at("/session")).await;
    assert!(browser.has("#empty").await);
    assert!(browser.find_cookie().await.is_none());

    browser.goto(&site.at("/")).await;
    browser.goto(&site.at("/session")).await;
    assert_eq!(browser.text("#entries tbody tr").await, "visits 1");
    let ends = browser.text("#ends").await;
    assert!(
        ends.starts_with("in 29 minutes") || ends.starts_with("in 30 minutes"),
        "{ends}"
    );

    let before = browser.cookie().await;
    browser.follow("#renew").await;
    assert!(browser.text(".flash").await.contains("new key"));
    assert_eq!(browser.text("#entries tbody tr").await, "visits 1");
    assert_ne!(browser.cookie().await.value(), before.value());

    browser.follow("#end").await;
    browser.wait_for_address(&site.at("/")).await;
    assert_eq!(browser.text("#visits").await, "1");
}

async fn open() -> (Site, Browser, Chromedriver) {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    (site, browser, driver)
}
