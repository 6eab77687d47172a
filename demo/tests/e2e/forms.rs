//! Forms that other sites can't forge.

use reqwest::{
    StatusCode,
    header::{ACCEPT, LOCATION},
};

use crate::{
    site::Site,
    visitor::{get, sign_in, text, token, visitor},
};

/// The addresses that take forms and requests of scripts.
const ACTIONS: [&str; 12] = [
    "/sign-in",
    "/sign-out",
    "/session/renew",
    "/devices/AAAAAAAAAAAAAAAAAAAAAA/end",
    "/devices/end-others",
    "/confirm",
    "/close-account",
    "/idle",
    "/idle/reset",
    "/outage",
    "/merging",
    "/overwriting/1",
];

#[tokio::test]
async fn a_request_without_a_valid_token_is_refused() {
    let site = Site::start();
    let client = visitor();
    let foreign = token(&visitor(), &site, "/sign-in").await;
    sign_in(&client, &site, "ferris", "crab").await;
    for action in ACTIONS {
        for token in [None, Some(""), Some("forged"), Some(foreign.as_str())] {
            let fields = [("name", "corro"), ("password", "urchin"), ("seconds", "9")];
            let fields = fields.into_iter().chain(token.map(|it| ("csrf_token", it)));
            let form: Vec<_> = fields.collect();
            let request = client.post(site.at(action)).form(&form);
            let response = request.header(ACCEPT, "text/html").send().await.unwrap();
            assert_eq!(
                response.status(),
                StatusCode::FORBIDDEN,
                "{action} {token:?}"
            );
            let page = response.text().await.unwrap();
            assert!(page.contains("This form has expired"), "{page}");
        }
    }
    let devices = text(&client, &site, "/devices").await;
    assert!(devices.contains("id=\"user\">ferris<"), "{devices}");
}

#[tokio::test]
async fn a_request_of_another_site_is_refused_in_spite_of_a_valid_token() {
    let site = Site::start();
    let client = visitor();
    sign_in(&client, &site, "ferris", "crab").await;
    let valid = token(&client, &site, "/devices").await;
    for action in ACTIONS {
        for (header, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            // Older browsers send only this one.
            ("Origin", "https://attacker.example"),
            ("Origin", "http://127.0.0.1:1"),
            ("Origin", "null"),
        ] {
            let request = client.post(site.at(action)).form(&[("csrf_token", &valid)]);
            let request = request.header(header, value).header(ACCEPT, "text/html");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{action} {value}");
            let page = response.text().await.unwrap();
            assert!(page.contains("Request from another site"), "{page}");
        }
    }
    // A link of another site is allowed.
    let link = client
        .get(site.at("/devices"))
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(link.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_form_of_the_site_is_accepted_from_old_and_new_browsers() {
    let site = Site::start();
    let client = visitor();
    let own = site.at("");
    for headers in [
        vec![("Sec-Fetch-Site", "same-origin"), ("Origin", own.as_str())],
        vec![("Origin", own.as_str())],
        vec![],
    ] {
        let token = token(&client, &site, "/idle").await;
        let form = [("csrf_token", token.as_str()), ("seconds", "60")];
        let mut request = client.post(site.at("/idle")).form(&form);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{headers:?}");
        assert_eq!(response.headers()[LOCATION], "/idle");
    }
    // No address of these forms takes `GET`.
    for action in [
        "/sign-out",
        "/session/renew",
        "/devices/end-others",
        "/idle/reset",
    ] {
        let response = get(&client, &site, action).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{action}");
    }
}
