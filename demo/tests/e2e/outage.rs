//! An outage of the store, over HTTP.

use reqwest::{
    StatusCode,
    header::{ACCEPT, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER, SET_COOKIE},
};

use crate::{
    site::Site,
    visitor::{get, send, sign_in, text, token, visitor},
};

#[tokio::test]
async fn no_change_is_acknowledged_while_the_store_is_down() {
    let site = Site::start();
    let client = visitor();
    get(&client, &site, "/").await;
    sign_in(&client, &site, "ferris", "crab").await;
    let valid = token(&client, &site, "/session").await;

    let begun = send(&client, &site, "/outage", "/outage", &[("seconds", "60")]).await;
    assert_eq!(begun.status(), StatusCode::SEE_OTHER);
    assert_eq!(begun.headers()[LOCATION], "/outage");

    for path in [
        "/",
        "/outage",
        "/devices",
        "/session",
        "/merging",
        "/idle/remaining",
    ] {
        let request = client.get(site.at(path)).header(ACCEPT, "text/html");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let headers = response.headers();
        assert!(headers.contains_key(RETRY_AFTER), "{path}");
        assert!(headers.contains_key(CONTENT_SECURITY_POLICY), "{path}");
        // The browser keeps its cookie.
        assert!(!headers.contains_key(SET_COOKIE), "{path}");
        let page = response.text().await.unwrap();
        assert!(page.contains("Sessions are unavailable"), "{page}");
        assert!(page.contains("Try again"), "{page}");
        assert!(!page.contains("took it down"), "{page}");
    }
    // No change is acknowledged, and no sign-out.
    for action in ["/sign-out", "/session/renew", "/merging/1", "/sign-in"] {
        let form = [
            ("csrf_token", valid.as_str()),
            ("name", "ferris"),
            ("password", "crab"),
        ];
        let response = client
            .post(site.at(action))
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(
            response.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{action}"
        );
        assert_eq!(response.text().await.unwrap(), "Service Unavailable");
    }
    // Pages and files without a session are served.
    for path in ["/account-closed", "/static/style.css"] {
        assert_eq!(
            get(&client, &site, path).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    assert!(
        site.output().contains("a visitor took it down"),
        "{}",
        site.output()
    );
}

#[tokio::test]
async fn the_session_is_unchanged_after_the_outage() {
    let site = Site::start();
    let client = visitor();
    get(&client, &site, "/").await;
    sign_in(&client, &site, "ferris", "crab").await;
    send(&client, &site, "/outage", "/outage", &[("seconds", "1")]).await;
    while get(&client, &site, "/outage").await.status() == StatusCode::SERVICE_UNAVAILABLE {}
    let page = text(&client, &site, "/outage").await;
    assert!(page.contains("id=\"you\">ferris<"), "{page}");
    assert!(page.contains("id=\"visits\">1<"), "{page}");
}
