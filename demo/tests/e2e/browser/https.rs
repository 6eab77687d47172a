//! The site over HTTPS, with its own certificate.

use std::fs;

use sessile_rig::Chromedriver;

use super::Browser;
use crate::site::Site;

#[tokio::test]
async fn the_site_works_over_https_and_keeps_its_certificate() {
    let mut site = Site::start_with(&["--https"]);
    let driver = Chromedriver::start().unwrap();
    let browser = Browser::open(&driver).await;
    assert!(
        site.at("").starts_with("https://127.0.0.1:"),
        "{}",
        site.at("")
    );
    let certificate = fs::read(site.folder().join("demo.pem")).unwrap();

    browser.sign_in(&site.at(""), "ferris").await;
    let cookies = browser.client.get_all_cookies().await.unwrap();
    let cookie = cookies.iter().find(|it| it.name() == "__Host-sessile-demo");
    let cookie = cookie.expect("no cookie with the prefix");
    assert_eq!(cookie.secure(), Some(true));

    // With HTTP/2, the browser sends all requests of a run at once.
    browser.goto(&site.at("/parallel")).await;
    let protocol = "return performance.getEntriesByType('navigation')[0].nextHopProtocol";
    assert_eq!(browser.script(protocol).await, "h2");
    browser.run_races().await;
    let merging = browser.text("[data-race='/merging'] .result").await;
    assert!(merging.contains("The counter is at 20"), "{merging}");

    site.kill();
    site.restart();
    assert_eq!(
        fs::read(site.folder().join("demo.pem")).unwrap(),
        certificate
    );
    browser.goto(&site.at("/devices")).await;
    assert_eq!(browser.text("#user").await, "ferris");
}
