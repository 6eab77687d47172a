//! The screenshot in the README.

use std::{env, fs};

use serde_json::json;
use sessile_rig::Chromedriver;

use super::Browser;
use crate::site::Site;

/// The variable with the file to write. `cargo xtask screenshot` sets it.
const FILE: &str = "SESSILE_SCREENSHOT";

/// A repository keeps every version of the file.
const MAX_BYTES: usize = 250_000;

#[tokio::test]
async fn the_readme_has_a_screenshot_of_twenty_at_once() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    browser.set_screen(1280, 600).await;
    browser.sign_in(&site.at(""), "ferris").await;
    browser.goto(&site.at("/parallel")).await;
    browser.run_races().await;
    browser.settle().await;
    browser.set_screen(1280, browser.page_height().await).await;
    let picture = browser.client.screenshot().await.unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert!(picture.len() <= MAX_BYTES, "{} bytes", picture.len());
    if let Some(file) = env::var_os(FILE) {
        fs::write(file, picture).unwrap();
    }
}

impl Browser {
    pub(super) async fn set_screen(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true }))
            .await;
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    async fn page_height(&self) -> u32 {
        let height = self
            .script("return document.documentElement.scrollHeight")
            .await;
        height.as_u64().unwrap().try_into().unwrap()
    }

    /// Waits until nothing on the page moves.
    async fn settle(&self) {
        self.wait_until("document.getAnimations().every((it) => it.playState === 'finished')")
            .await;
    }
}
