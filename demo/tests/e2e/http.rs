//! Tests of the site's responses: headers, refusals, and pages without internal details.

use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE},
    redirect::Policy,
};

use crate::site::Site;

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let site = Site::start();
    let client = visitor();
    for path in [
        "/",
        "/sign-in",
        "/session",
        "/parallel",
        "/ended",
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
        "/sign-in",
        "/session",
        "/parallel",
        "/ended",
        "/static/app.js",
        "/none",
    ] {
        let response = visitor().get(site.at(path)).send().await.unwrap();
        assert!(!response.headers().contains_key(SET_COOKIE), "{path}");
    }
    let response = visitor().get(site.at("/")).send().await.unwrap();
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("sessile-demo="), "{cookie}");
    assert!(cookie.contains("Max-Age=604800"), "{cookie}");
}

#[tokio::test]
async fn no_cache_stores_a_page() {
    let site = Site::start();
    for path in ["/", "/session", "/ended"] {
        let response = visitor().get(site.at(path)).send().await.unwrap();
        let cached = response.headers()[CACHE_CONTROL].to_str().unwrap();
        assert!(cached.contains("no-store"), "{path}: {cached}");
    }
}

#[tokio::test]
async fn a_change_from_another_site_is_refused() {
    let site = Site::start();
    let client = visitor();
    for path in ["/sign-out", "/session/renew", "/api/keys", "/api/counter/1"] {
        for from in ["cross-site", "same-site"] {
            let request = client.post(site.at(path)).header("Sec-Fetch-Site", from);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {from}");
            assert!(!response.headers().contains_key(SET_COOKIE), "{path}");
        }
    }
    let request = client
        .post(site.at("/api/counter"))
        .header("Sec-Fetch-Site", "same-origin");
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    // A link of another site is allowed.
    let request = client
        .get(site.at("/"))
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
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
    let bodies = [
        "",
        "name=ferris",
        "name=%ff&password=%ff",
        "name=a&name=b&password=c",
    ];
    for body in bodies
        .map(str::to_owned)
        .into_iter()
        .chain(["x".repeat(10_000)])
    {
        let request = client
            .post(site.at("/sign-in"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_client_error(), "{}", response.status());
        let text = response.text().await.unwrap();
        assert!(text.len() < 40 || text.contains("No account has"), "{text}");
    }
    for path in ["/api/keys/20", "/api/keys/-1", "/api/counter/x"] {
        let response = client.post(site.at(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.text().await.unwrap(), "Not Found", "{path}");
    }
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_have_the_same_response() {
    let site = Site::start();
    let mut responses = Vec::new();
    for name in ["ferris", "unknown"] {
        let response = sign_in(&visitor(), &site, name, "wrong").await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!response.headers().contains_key(SET_COOKIE));
        responses.push(response.text().await.unwrap().replace(name, "NAME"));
    }
    // The entered name is in the form. The known name is among the accounts as well, which are cut off.
    let forms = responses
        .iter()
        .map(|response| response.split("<aside").next().unwrap());
    let forms: Vec<&str> = forms.collect();
    assert_eq!(forms[0], forms[1]);
}

#[tokio::test]
async fn the_entered_name_is_escaped() {
    let site = Site::start();
    let response = sign_in(&visitor(), &site, "\"><script>alert(1)</script>", "x").await;
    let text = response.text().await.unwrap();
    assert!(!text.contains("<script>alert"), "{text}");
}

#[tokio::test]
async fn a_sign_in_sets_a_new_cookie_and_invalidates_the_old_one() {
    let site = Site::start();
    let client = visitor();
    let before = cookie(&client.get(site.at("/")).send().await.unwrap());

    let response = sign_in(&client, &site, "ferris", "crab").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[LOCATION], "/");
    assert_ne!(cookie(&response), before);

    let request = visitor().get(site.at("/session")).header("Cookie", before);
    let page = request.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("The session is empty"), "{page}");
    let page = client.get(site.at("/session")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("ferris"));
}

/// A client with a cookie jar that does not follow redirects.
fn visitor() -> Client {
    Client::builder()
        .cookie_store(true)
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

async fn sign_in(client: &Client, site: &Site, name: &str, password: &str) -> Response {
    let form = [("name", name), ("password", password)];
    let request = client.post(site.at("/sign-in")).form(&form);
    request.send().await.unwrap()
}

/// The name and the value of the cookie that a response sets.
fn cookie(response: &Response) -> String {
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}
