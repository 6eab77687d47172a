//! Tests of the site in Chromium.

use std::time::Duration;

use fantoccini::{
    Client, ClientBuilder, Locator,
    cookies::Cookie,
    elements::Element,
    error::{CmdError, NewSessionError},
};
use hyper_util::client::legacy::connect::HttpConnector;
use sessile_rig::Chromedriver;

use crate::site::Site;

const COOKIE: &str = "sessile-demo";

/// Far longer than a page takes to load. Only a defect reaches this limit.
const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn visits_are_counted_and_the_cookie_has_its_attributes() {
    let (site, browser) = open().await;
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
    assert!(cookie.expires().is_some());
    assert_eq!(browser.script("return document.cookie").await, "");
}

#[tokio::test]
async fn sign_in_and_sign_out_take_effect() {
    let (site, browser) = open().await;
    browser.goto(&site.at("/")).await;
    browser.click("#sign-in").await;

    browser.sign_in("ferris", "urchin").await;
    let refusal = browser.text("#refusal").await;
    assert!(refusal.contains("No account"), "{refusal}");
    assert!(!browser.has("#user").await);

    browser.sign_in("ferris", "crab").await;
    assert_eq!(browser.text("#user").await, "ferris");
    assert_eq!(browser.text("#flash").await, "Welcome, ferris.");
    // The session with the new key keeps the visits.
    assert_eq!(browser.text("#visits").await, "2");

    browser.reload().await;
    assert_eq!(browser.text("#user").await, "ferris");
    assert!(!browser.has("#flash").await);

    let signed_in = browser.cookie().await;
    browser.click("#sign-out").await;
    browser.wait_for_address(&site.at("/ended")).await;
    assert_eq!(browser.text("h1").await, "Your session has ended");
    assert!(browser.find_cookie().await.is_none());

    browser.goto(&site.at("/")).await;
    assert!(browser.has("#sign-in").await);
    assert_eq!(browser.text("#visits").await, "1");

    browser.put_cookie(signed_in).await;
    browser.goto(&site.at("/")).await;
    assert!(browser.has("#sign-in").await);
    assert!(!browser.has("#user").await);
    assert_eq!(browser.text("#visits").await, "1");
}

#[tokio::test]
async fn parallel_requests_lose_no_write() {
    let (site, browser) = open().await;
    // There is no earlier page, so the run itself has to begin the session.
    browser.goto(&site.at("/parallel")).await;
    for _ in 0..2 {
        for (race, button) in [
            ("/api/keys", "#start-keys"),
            ("/api/counter", "#start-counter"),
        ] {
            let race = format!("[data-race='{race}']");
            browser.click(button).await;
            browser
                .find(&format!(
                    "{race}:is([data-state='won'], [data-state='failed'])"
                ))
                .await;
            let result = browser.text(&format!("{race} .result strong")).await;
            assert_eq!(result, "20 of 20 kept");
            assert_eq!(browser.all(&format!("{race} .open")).await.len(), 20);
        }
    }
}

#[tokio::test]
async fn two_runs_at_once_lose_no_write() {
    let (site, browser) = open().await;
    browser.goto(&site.at("/")).await;
    browser.goto(&site.at("/parallel")).await;
    browser.click("#start-keys").await;
    browser.click("#start-counter").await;
    for race in ["/api/keys", "/api/counter"] {
        let race = format!("[data-race='{race}']");
        browser
            .find(&format!(
                "{race}:is([data-state='won'], [data-state='failed'])"
            ))
            .await;
        let result = browser.text(&format!("{race} .result strong")).await;
        assert_eq!(result, "20 of 20 kept");
    }
}

#[tokio::test]
async fn the_session_page_shows_values_and_expiry() {
    let (site, browser) = open().await;
    browser.goto(&site.at("/session")).await;
    assert!(browser.has("#empty").await);
    assert!(browser.find_cookie().await.is_none());

    browser.goto(&site.at("/")).await;
    browser.goto(&site.at("/session")).await;
    assert_eq!(browser.text("#entries tbody tr").await, "visits 1");
    let ends = browser.text("#ends").await;
    assert!(
        ends.starts_with("in 6 days 23 hours") || ends.starts_with("in 7 days"),
        "{ends}"
    );

    let before = browser.cookie().await;
    browser.click("#renew").await;
    assert!(browser.text("#flash").await.contains("new key"));
    assert_eq!(browser.text("#entries tbody tr").await, "visits 1");
    assert_ne!(browser.cookie().await.value(), before.value());

    browser.click("#end").await;
    browser.wait_for_address(&site.at("/ended")).await;
    assert!(browser.find_cookie().await.is_none());
}

async fn open() -> (Site, Browser) {
    (Site::start(), Browser::open().await)
}

/// A browser whose methods panic on errors.
struct Browser {
    client: Client,
    /// Dropped last, because its end ends the browser.
    _driver: Chromedriver,
}

impl Browser {
    async fn open() -> Self {
        let driver = Chromedriver::start().unwrap();
        let client = Self::connect(&driver).await.unwrap();
        Self {
            client,
            _driver: driver,
        }
    }

    async fn connect(driver: &Chromedriver) -> Result<Client, NewSessionError> {
        ClientBuilder::new(HttpConnector::new())
            .capabilities(driver.capabilities())
            .connect(&driver.url())
            .await
    }

    async fn goto(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// Waits for an element. A click returns before the next page is loaded.
    async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(TIMEOUT);
        let found = wait.for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error: CmdError| panic!("{css}: {error}"))
    }

    /// Waits until the browser is at this address.
    async fn wait_for_address(&self, address: &str) {
        let address = address.parse().unwrap();
        let wait = self.client.wait().at_most(TIMEOUT);
        wait.for_url(&address).await.unwrap();
    }

    async fn all(&self, css: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(css)).await.unwrap()
    }

    async fn has(&self, css: &str) -> bool {
        !self.all(css).await.is_empty()
    }

    async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    async fn sign_in(&self, name: &str, password: &str) {
        for (css, text) in [("#name", name), ("#password", password)] {
            let field = self.find(css).await;
            field.clear().await.unwrap();
            field.send_keys(text).await.unwrap();
        }
        self.click("#submit").await;
    }

    async fn script(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    async fn find_cookie(&self) -> Option<Cookie<'static>> {
        let cookies = self.client.get_all_cookies().await.unwrap();
        cookies.into_iter().find(|cookie| cookie.name() == COOKIE)
    }

    async fn cookie(&self) -> Cookie<'static> {
        self.find_cookie().await.expect("no session cookie")
    }

    async fn put_cookie(&self, cookie: Cookie<'static>) {
        self.client.add_cookie(cookie).await.unwrap();
    }
}
