//! Tests of the site's responses: headers, refusals, and pages without internal details.

use reqwest::{
    StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, SET_COOKIE},
};

use crate::{
    site::Site,
    visitor::{get, sign_in, token, visitor},
};

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let site = Site::start();
    let client = visitor();
    for path in [
        "/",
        "/sign-in",
        "/session",
        "/parallel",
        "/devices",
        "/idle",
        "/outage",
        "/close-account",
        "/account-closed",
        "/merging",
        "/static/style.css",
        "/none",
    ] {
        let response = client.get(site.at(path)).send().await.unwrap();
        let headers = response.headers();
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn only_pages_that_need_a_session_begin_one() {
    let site = Site::start();
    for path in [
        "/session",
        "/parallel",
        "/devices",
        "/account-closed",
        "/idle/remaining",
        "/static/idle.js",
        "/none",
    ] {
        let response = get(&visitor(), &site, path).await;
        assert!(!response.headers().contains_key(SET_COOKIE), "{path}");
    }
    // A form needs a token, and a token needs a session.
    for path in ["/", "/sign-in", "/idle", "/outage", "/merging"] {
        let response = get(&visitor(), &site, path).await;
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("sessile-demo="), "{path}: {cookie}");
        assert!(cookie.contains("; HttpOnly"), "{path}: {cookie}");
        assert!(cookie.contains("; SameSite=Lax"), "{path}: {cookie}");
        assert!(!cookie.contains("Max-Age"), "{path}: {cookie}");
    }
}

#[tokio::test]
async fn no_cache_stores_a_page() {
    let site = Site::start();
    let client = visitor();
    sign_in(&client, &site, "ferris", "crab").await;
    for path in [
        "/",
        "/session",
        "/devices",
        "/idle/remaining",
        "/merging",
        "/account-closed",
    ] {
        let response = get(&client, &site, path).await;
        let cached = response.headers()[CACHE_CONTROL].to_str().unwrap();
        assert!(cached.contains("no-store"), "{path}: {cached}");
    }
}

#[tokio::test]
async fn a_missing_page_is_a_page_for_browsers_and_a_line_for_tools() {
    let site = Site::start();
    let request = visitor()
        .get(site.at("/no/such?page"))
        .header(ACCEPT, "text/html,*/*");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.text().await.unwrap().contains("Page not found"));

    let response = visitor()
        .get(site.at("/no/such?page"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.text().await.unwrap(), "Not Found");
}

#[tokio::test]
async fn the_response_to_a_bad_request_has_no_internal_details() {
    let site = Site::start();
    let client = visitor();
    let token = token(&client, &site, "/sign-in").await;
    let post = async |path: &str, body: String| {
        let request = client.post(site.at(path)).header("X-CSRF-Token", &token);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap()
    };
    for (path, body) in [
        ("/sign-in", ""),
        ("/sign-in", "name=ferris"),
        ("/sign-in", "name=%ff&password=%ff"),
        ("/sign-in", "name=a&name=b&password=c"),
        ("/idle", "seconds=-1"),
        ("/idle", "seconds=1e9"),
        ("/outage", "seconds="),
        ("/merging/20", ""),
        ("/merging/-1", ""),
        ("/merging/x", ""),
        ("/devices/x/end", ""),
    ] {
        let response = post(path, body.to_owned()).await;
        let status = response.status();
        assert!(
            status.is_client_error() || status == StatusCode::SEE_OTHER,
            "{path} {status}"
        );
        let text = response.text().await.unwrap();
        assert!(text.len() < 40 || text.contains("No account has"), "{text}");
    }
    let response = post("/sign-in", "x".repeat(10_000)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
