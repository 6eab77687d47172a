//! What ends after a time that the visitor can watch: a session, a recent authentication, an outage.
//!
//! The times are short, so that the tests are. A slow machine may take longer for a page. The tests then try again.

use sessile_rig::Chromedriver;

use super::Browser;
use crate::site::Site;

#[tokio::test]
async fn the_session_ends_while_the_page_watches_it() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    let mut seconds = 2;
    loop {
        browser.sign_in(&site.at(""), "ferris").await;
        browser.goto(&site.at("/")).await;
        browser.goto(&site.at("/idle")).await;
        browser.enter("#seconds", &seconds.to_string()).await;
        browser.follow("#set").await;
        if browser.has(&format!("[data-of='{seconds}']")).await {
            break;
        }
        seconds *= 2;
    }
    assert_eq!(browser.text("#user").await, "ferris");
    // The page asks for the remaining time once a second. If that counted as a use, the session would not end.
    browser.find("[data-state='ended']").await;
    assert_eq!(browser.text("#remaining").await, "0 s");
    let state = browser.text("#watch-state").await;
    assert!(state.starts_with("The session has ended"), "{state}");

    browser.goto(&site.at("/")).await;
    assert_eq!(browser.text("#visits").await, "1");
    assert!(!browser.has("#user").await);
}

#[tokio::test]
async fn a_reset_restores_the_lifetime_of_the_settings() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    browser.goto(&site.at("/idle")).await;
    browser.enter("#seconds", "600").await;
    browser.follow("#set").await;
    browser.find("[data-of='600']").await;
    let remaining = "document.querySelector('#remaining').textContent";
    browser
        .wait_until(&format!("/^(10|9) min/.test({remaining})"))
        .await;
    browser.follow("#reset").await;
    let notice = browser.text(".flash").await;
    assert_eq!(notice, "Your session has the usual lifetime again.");
    browser
        .wait_until(&format!("/^(30|29) min/.test({remaining})"))
        .await;
}

#[tokio::test]
async fn closing_the_account_asks_for_the_password_again() {
    let site = Site::start_with(&["--recent-authentication", "2"]);
    let driver = Chromedriver::start().unwrap();
    let (laptop, phone) = (Browser::open(&driver).await, Browser::open(&driver).await);
    phone.sign_in(&site.at(""), "ferris").await;
    laptop.sign_in(&site.at(""), "ferris").await;

    while !laptop.is_at("/confirm").await {
        laptop.goto(&site.at("/close-account")).await;
    }
    laptop.enter("#password", "urchin").await;
    laptop.follow("#submit").await;
    assert_eq!(laptop.text("#refusal").await, "This is not your password.");
    while !laptop.is_at("/account-closed").await {
        if laptop.is_at("/confirm").await {
            laptop.enter("#password", "crab").await;
            laptop.follow("#submit").await;
        } else {
            laptop.follow("#close").await;
        }
    }
    assert_eq!(laptop.text("h1").await, "All your sessions have ended");
    assert!(laptop.find_cookie().await.is_none());
    phone.goto(&site.at("/devices")).await;
    phone.wait_for_address(&site.at("/sign-in")).await;
}

#[tokio::test]
async fn the_page_comes_back_after_an_outage() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    browser.goto(&site.at("/")).await;
    browser.sign_in(&site.at(""), "ferris").await;
    let mut seconds = 1;
    loop {
        browser.goto(&site.at("/outage")).await;
        browser.enter("#seconds", &seconds.to_string()).await;
        browser.follow("#begin").await;
        if browser.body().await.contains("Sessions are unavailable") {
            break;
        }
        seconds *= 2;
    }
    // The page loads itself again.
    browser.find("#store").await;
    assert_eq!(browser.text("#you").await, "ferris");
    assert_eq!(browser.text("#visits").await, "1");
}

impl Browser {
    async fn is_at(&self, path: &str) -> bool {
        self.client.current_url().await.unwrap().path() == path
    }
}
