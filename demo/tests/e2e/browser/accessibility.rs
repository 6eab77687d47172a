//! Keyboard, focus, contrast and structure, as WCAG 2.2 AA requires.

use std::collections::BTreeSet;

use fantoccini::key::Key;
use serde_json::json;
use sessile_rig::Chromedriver;

use super::Browser;
use crate::site::Site;

const PAGES: [&str; 9] = [
    "/",
    "/parallel",
    "/devices",
    "/close-account",
    "/confirm",
    "/idle",
    "/outage",
    "/session",
    "/missing",
];

/// The functions that the tests call in the browser.
const AUDIT: &str = include_str!("audit.js");

#[tokio::test]
async fn a_user_signs_in_with_the_keyboard_alone() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    browser.goto(&site.at("/")).await;

    // The first stop is the link over the navigation.
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused("textContent").await, "Skip to the content");
    browser.assert_focus_is_visible().await;
    browser.press(Key::Enter).await;
    assert_eq!(browser.focused("id").await, "content");

    browser.goto(&site.at("/")).await;
    browser.tab_to("sign-in").await;
    browser.press(Key::Enter).await;
    browser.wait_for_address(&site.at("/sign-in")).await;
    browser.tab_to("name").await;
    browser.type_text("ferris").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused("id").await, "password");
    browser.type_text("crab").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused("id").await, "remember");
    browser.type_text(" ").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused("id").await, "submit");
    browser.press(Key::Enter).await;
    browser.wait_for_address(&site.at("/devices")).await;
    let device = browser.text(".device.this").await;
    assert!(device.contains("Ends in 29 days"), "{device}");

    browser.tab_to("sign-out").await;
    browser.press(Key::Enter).await;
    browser.wait_for_address(&site.at("/")).await;
    assert!(browser.has("#sign-in").await);
}

#[tokio::test]
async fn every_focused_element_is_visible() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    browser.sign_in(&site.at(""), "ferris").await;
    for page in PAGES {
        browser.goto(&site.at(page)).await;
        let stops = browser.audit("stops().length").await.as_u64().unwrap();
        assert!(stops > 6, "{page}: {stops}");
        let mut reached = BTreeSet::new();
        for _ in 0..stops {
            browser.press(Key::Tab).await;
            browser.assert_focus_is_visible().await;
            let stop = browser
                .audit("stops().indexOf(document.activeElement)")
                .await;
            reached.insert(stop.as_i64().unwrap());
        }
        assert_eq!(reached.len() as u64, stops, "{page}: {reached:?}");
        assert!(!reached.contains(&-1), "{page}: {reached:?}");
    }
}

#[tokio::test]
async fn colors_and_structure_pass_the_audit_in_both_color_schemes() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    browser.goto(&site.at("/sign-in")).await;
    browser.enter_credentials("ferris", "wrong").await;
    browser.find("#refusal").await;
    browser.assert_passes("/sign-in").await;
    browser.sign_in(&site.at(""), "ferris").await;
    browser.assert_passes("/devices").await;
    for page in PAGES {
        browser.goto(&site.at(page)).await;
        if page == "/parallel" {
            browser.run_races().await;
        }
        browser.assert_passes(page).await;
    }
}

impl Browser {
    async fn audit(&self, expression: &str) -> serde_json::Value {
        self.script(&format!("{AUDIT}\nreturn {expression}")).await
    }

    async fn assert_passes(&self, page: &str) {
        for scheme in ["light", "dark"] {
            let features = json!([
                { "name": "prefers-color-scheme", "value": scheme },
                { "name": "prefers-reduced-motion", "value": "reduce" },
            ]);
            self.devtools(
                "Emulation.setEmulatedMedia",
                json!({ "features": features }),
            )
            .await;
            assert_eq!(self.audit("findings()").await, json!([]), "{page} {scheme}");
        }
        // The narrowest screen that a page has to fit on without scrolling in two directions.
        self.set_screen(320, 600).await;
        let width = self
            .script("return document.documentElement.scrollWidth")
            .await;
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({}))
            .await;
        assert_eq!(width, 320, "{page}");
    }

    async fn assert_focus_is_visible(&self) {
        let visible = self.audit("focusIsVisible()").await;
        let element = self.focused("outerHTML").await;
        assert_eq!(visible, true, "{element}");
    }

    async fn focused(&self, property: &str) -> String {
        let value = self
            .script(&format!("return document.activeElement.{property}"))
            .await;
        value.as_str().unwrap().to_owned()
    }

    /// Presses the tab key until the element with this id has the focus.
    async fn tab_to(&self, id: &str) {
        for _ in 0..50 {
            self.press(Key::Tab).await;
            if self.focused("id").await == id {
                return;
            }
        }
        panic!("the tab key does not reach #{id}");
    }
}
