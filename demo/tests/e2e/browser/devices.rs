//! A user on two devices: two browsers with a profile each.

use sessile_rig::Chromedriver;

use super::Browser;
use crate::site::Site;

#[tokio::test]
async fn a_device_ends_the_session_of_another_one() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let (laptop, phone) = (Browser::open(&driver).await, Browser::open(&driver).await);
    laptop.sign_in(&site.at(""), "ferris").await;
    phone.sign_in(&site.at(""), "ferris").await;

    laptop.goto(&site.at("/devices")).await;
    assert_eq!(laptop.all(".device").await.len(), 2);
    assert_eq!(laptop.all(".device.this").await.len(), 1);
    let here = laptop.text(".device.this").await;
    assert!(
        here.contains("Chrome on Linux This device\nSigned in "),
        "{here}"
    );
    assert!(here.ends_with("from 127.0.0.1"), "{here}");
    // The button is for the other device only.
    assert!(!laptop.has(".device.this button").await);
    laptop.follow(".device:not(.this) button").await;
    let notice = laptop.text(".flash").await;
    assert_eq!(notice, "The session has ended. That device is signed out.");
    assert_eq!(laptop.all(".device").await.len(), 1);

    phone.goto(&site.at("/devices")).await;
    phone.wait_for_address(&site.at("/sign-in")).await;
    assert!(!phone.has("#user").await);
    laptop.goto(&site.at("/devices")).await;
    assert_eq!(laptop.text("#user").await, "ferris");
    assert!(!laptop.has(".flash").await);
}

#[tokio::test]
async fn a_device_ends_all_other_sessions() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let (laptop, phone) = (Browser::open(&driver).await, Browser::open(&driver).await);
    let tablet = Browser::open(&driver).await;
    for browser in [&laptop, &tablet, &phone] {
        browser.sign_in(&site.at(""), "ferris").await;
    }
    phone.follow("#end-others").await;
    let notice = phone.text(".flash").await;
    assert_eq!(
        notice,
        "2 sessions have ended. You are signed in here only."
    );
    assert_eq!(phone.all(".device").await.len(), 1);

    for browser in [&laptop, &tablet] {
        browser.goto(&site.at("/devices")).await;
        browser.wait_for_address(&site.at("/sign-in")).await;
    }
    laptop.sign_in(&site.at(""), "ferris").await;
    assert_eq!(laptop.all(".device").await.len(), 2);
}

#[tokio::test]
async fn only_a_browser_that_is_to_be_remembered_stays_signed_in_when_it_closes() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    for is_remembered in [true, false] {
        let profile = driver.profile();
        let browser = Browser::open_with(&driver, &profile).await;
        browser.goto(&site.at("/sign-in")).await;
        if is_remembered {
            browser.click("#remember").await;
        }
        browser.enter_credentials("ferris", "crab").await;
        let device = browser.text(".device.this").await;
        assert_eq!(
            device.contains("Ends in 29 days 23 hours"),
            is_remembered,
            "{device}"
        );
        browser.close().await;

        let browser = Browser::open_with(&driver, &profile).await;
        browser.goto(&site.at("/devices")).await;
        let arrives_at = if is_remembered {
            "/devices"
        } else {
            "/sign-in"
        };
        browser.wait_for_address(&site.at(arrives_at)).await;
        assert_eq!(browser.has("#user").await, is_remembered);
    }
}
