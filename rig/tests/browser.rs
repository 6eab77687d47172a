//! Tests of the browser guard with a real Chromium.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use sessile_rig::Chromedriver;

#[tokio::test]
async fn a_browser_opens_a_page_and_reads_its_title() {
    let driver = Chromedriver::start().unwrap();
    let browser = connect(&driver).await;

    browser
        .goto("data:text/html,<title>A page without a server</title>")
        .await
        .unwrap();

    assert_eq!(browser.title().await.unwrap(), "A page without a server");
    browser.close().await.unwrap();
}

#[tokio::test]
async fn one_driver_runs_two_browsers_at_the_same_time() {
    let driver = Chromedriver::start().unwrap();
    let (first, second) = (connect(&driver).await, connect(&driver).await);

    first
        .goto("data:text/html,<title>first</title>")
        .await
        .unwrap();
    second
        .goto("data:text/html,<title>second</title>")
        .await
        .unwrap();

    assert_eq!(first.title().await.unwrap(), "first");
    assert_eq!(second.title().await.unwrap(), "second");
    // The test closes neither browser. The end of the driver ends both.
}

async fn connect(driver: &Chromedriver) -> Client {
    ClientBuilder::new(HttpConnector::new())
        .capabilities(driver.capabilities())
        .connect(&driver.url())
        .await
        .unwrap()
}
