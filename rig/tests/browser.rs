//! A real Chromium is started, driven and ended.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy knows tests from their attribute, and not the helpers beside them

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use sessile_rig::Chromedriver;

#[tokio::test]
async fn opens_a_page_and_reads_its_title() {
    let driver = Chromedriver::start().unwrap();
    let browser = connect(&driver).await;

    browser
        .goto("data:text/html,<title>A page of no server</title>")
        .await
        .unwrap();

    assert_eq!(browser.title().await.unwrap(), "A page of no server");
    browser.close().await.unwrap();
}

#[tokio::test]
async fn one_driver_runs_two_browsers_side_by_side() {
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
    // Neither is closed: both go with the driver.
}

async fn connect(driver: &Chromedriver) -> Client {
    ClientBuilder::new(HttpConnector::new())
        .capabilities(driver.capabilities())
        .connect(&driver.url())
        .await
        .unwrap()
}
