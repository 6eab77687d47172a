//! Tests of the site in Chromium. [`Browser`] is what they use.

mod accessibility;
mod devices;
mod https;
mod pages;
mod parallel;
mod screenshot;
mod timeouts;

use std::time::{Duration, Instant};

use fantoccini::{
    Client, ClientBuilder, Locator, cookies::Cookie, elements::Element, key::Key,
    wd::WebDriverCompatibleCommand,
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sessile_rig::{Chromedriver, Profile};

const COOKIE: &str = "sessile-demo";

/// Far longer than a page takes to load. Only a defect reaches this limit.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The pause between two checks of a condition.
const INTERVAL: Duration = Duration::from_millis(20);

/// A browser whose methods panic on errors. It ends with its driver.
struct Browser {
    client: Client,
}

impl Browser {
    /// Opens a browser that shares nothing with others.
    async fn open(driver: &Chromedriver) -> Self {
        Self::open_with(driver, &driver.profile()).await
    }

    /// Opens a browser that has what an earlier one with this profile kept.
    async fn open_with(driver: &Chromedriver, profile: &Profile) -> Self {
        let mut capabilities = driver.capabilities_with(profile);
        // The certificate of the demo is signed by no authority.
        capabilities.insert("acceptInsecureCerts".to_owned(), json!(true));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url())
            .await
            .unwrap();
        Self { client }
    }

    /// Closes the browser, which then writes its profile.
    async fn close(self) {
        self.client.close().await.unwrap();
    }

    async fn goto(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// Waits for an element.
    async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(TIMEOUT);
        let found = wait.for_element(Locator::Css(css)).await;
        match found {
            Ok(found) => found,
            Err(error) => panic!("{css}: {error}\n{}", self.body().await),
        }
    }

    /// Waits until the browser is at this address.
    async fn wait_for_address(&self, address: &str) {
        let parsed = address.parse().unwrap();
        let wait = self.client.wait().at_most(TIMEOUT);
        if let Err(error) = wait.for_url(&parsed).await {
            panic!("{address}: {error}\n{}", self.body().await);
        }
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

    async fn body(&self) -> String {
        let text = self.script("return document.body.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Clicks a link or a button that leads to another page, and waits for that page.
    async fn follow(&self, css: &str) {
        self.script("document.documentElement.dataset.isLeft = true")
            .await;
        self.click(css).await;
        self.wait_until("!('isLeft' in document.documentElement.dataset)")
            .await;
        self.wait_until("document.readyState === 'complete'").await;
    }

    async fn enter(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Sends a key to the element with the focus.
    async fn press(&self, key: Key) {
        self.type_text(&char::from(key).to_string()).await;
    }

    async fn type_text(&self, text: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(text).await.unwrap();
    }

    /// Signs in and waits for the page that follows.
    async fn sign_in(&self, address: &str, name: &str) {
        self.goto(&format!("{address}/sign-in")).await;
        self.enter_credentials(name, password_of(name)).await;
        self.wait_for_address(&format!("{address}/devices")).await;
    }

    async fn enter_credentials(&self, name: &str, password: &str) {
        self.enter("#name", name).await;
        self.enter("#password", password).await;
        self.follow("#submit").await;
    }

    async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until an expression of JavaScript is true.
    async fn wait_until(&self, condition: &str) {
        let begun = Instant::now();
        let script = format!("return {condition}");
        // While the browser leaves a page, it executes no script.
        while self.client.execute(&script, Vec::new()).await.ok() != Some(json!(true)) {
            assert!(
                begun.elapsed() < TIMEOUT,
                "{condition}\n{}",
                self.body().await
            );
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn find_cookie(&self) -> Option<Cookie<'static>> {
        let cookies = self.client.get_all_cookies().await.unwrap();
        cookies.into_iter().find(|cookie| cookie.name() == COOKIE)
    }

    async fn cookie(&self) -> Cookie<'static> {
        self.find_cookie().await.expect("no session cookie")
    }

    /// Calls a method of the Chrome DevTools Protocol.
    async fn devtools(&self, method: &'static str, parameters: Value) {
        let command = DevTools { method, parameters };
        self.client.issue_cmd(command).await.unwrap();
    }
}

fn password_of(name: &str) -> &'static str {
    match name {
        "ferris" => "crab",
        "corro" => "urchin",
        _ => panic!("no such account: {name}"),
    }
}

/// A call of the Chrome DevTools Protocol, through an extension of `chromedriver`.
#[derive(Debug)]
struct DevTools {
    method: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(
        &self,
        base: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as std::str::FromStr>::Err> {
        let session = session.expect("the browser is open");
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}
