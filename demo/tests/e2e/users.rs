//! Sign-in and sensitive actions over HTTP.

use reqwest::{
    StatusCode,
    header::{ACCEPT, LOCATION, RETRY_AFTER, SET_COOKIE},
};

use crate::{
    site::Site,
    visitor::{cookie, get, send, sign_in, text, visitor},
};

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_have_the_same_response() {
    let site = Site::start();
    let mut responses = Vec::new();
    for name in ["ferris", "unknown"] {
        let response = sign_in(&visitor(), &site, name, "wrong").await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        responses.push(response.text().await.unwrap().replace(name, "NAME"));
    }
    // The entered name is in the form. The known name is among the accounts as well, which are cut off, and each form has
    // its own token.
    let forms = responses.iter().map(|response| {
        let form = response.split("<aside").next().unwrap();
        let lines = form.lines().filter(|line| !line.contains("csrf_token"));
        lines.collect::<Vec<_>>()
    });
    let forms: Vec<_> = forms.collect();
    assert_eq!(forms[0], forms[1]);
}

#[tokio::test]
async fn the_entered_name_is_escaped() {
    let site = Site::start();
    let response = sign_in(&visitor(), &site, "\"><script>alert(1)</script>", "x").await;
    let text = response.text().await.unwrap();
    assert!(text.contains("alert(1)"), "{text}");
    assert!(!text.contains("<script>alert"), "{text}");
}

#[tokio::test]
async fn a_sign_in_sets_a_new_cookie_and_invalidates_the_old_one() {
    let site = Site::start();
    let client = visitor();
    let before = cookie(&get(&client, &site, "/").await);

    let response = sign_in(&client, &site, "ferris", "crab").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[LOCATION], "/devices");
    assert_ne!(cookie(&response), before);

    let request = visitor().get(site.at("/session")).header("Cookie", before);
    let page = request.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("id=\"empty\""), "{page}");
    let page = text(&client, &site, "/").await;
    assert!(page.contains("id=\"visits\">2<"), "{page}");
    assert!(page.contains("id=\"user\">ferris<"), "{page}");
}

#[tokio::test]
async fn remember_me_is_a_cookie_that_the_browser_keeps() {
    let site = Site::start();
    let credentials = [("name", "ferris"), ("password", "crab")];
    let remembered = [("remember", "yes")].into_iter().chain(credentials);
    let remembered: Vec<_> = remembered.collect();
    for (fields, max_age) in [(&remembered[..], true), (&credentials[..], false)] {
        let response = send(&visitor(), &site, "/sign-in", "/sign-in", fields).await;
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        assert_eq!(cookie.contains("; Max-Age=2592000"), max_age, "{cookie}");
        assert_eq!(cookie.contains("Max-Age"), max_age, "{cookie}");
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_are_refused_with_the_right_one() {
    let site = Site::start();
    for _ in 0..10 {
        let response = sign_in(&visitor(), &site, "ferris", "wrong").await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let response = sign_in(&visitor(), &site, "ferris", "crab").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = response.headers()[RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=301).contains(&seconds), "{seconds}");
    let page = response.text().await.unwrap();
    assert!(page.contains("too many wrong passwords"), "{page}");

    // The other user is not affected.
    let response = sign_in(&visitor(), &site, "corro", "urchin").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_eleventh_device_ends_the_earliest_session() {
    let site = Site::start();
    let devices: Vec<_> = (0..11).map(|_| visitor()).collect();
    for device in &devices {
        let response = sign_in(device, &site, "ferris", "crab").await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
    }
    for (number, device) in devices.iter().enumerate() {
        let response = get(device, &site, "/devices").await;
        let expected = if number == 0 {
            StatusCode::SEE_OTHER
        } else {
            StatusCode::OK
        };
        assert_eq!(response.status(), expected, "device {number}");
    }
}

#[tokio::test]
async fn pages_for_users_lead_guests_to_the_sign_in() {
    let site = Site::start();
    for path in ["/devices", "/confirm", "/close-account"] {
        let response = get(&visitor(), &site, path).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
        assert_eq!(response.headers()[LOCATION], "/sign-in", "{path}");
    }
    let client = visitor();
    sign_in(&client, &site, "ferris", "crab").await;
    let response = get(&client, &site, "/sign-in").await;
    assert_eq!(response.headers()[LOCATION], "/devices");
}

#[tokio::test]
async fn the_session_of_another_user_is_not_ended() {
    let site = Site::start();
    let (ferris, corro) = (visitor(), visitor());
    sign_in(&ferris, &site, "ferris", "crab").await;
    sign_in(&corro, &site, "corro", "urchin").await;
    let page = text(&ferris, &site, "/session").await;
    let id = page.split_once("<dt>Id</dt>").unwrap().1;
    let id = id
        .split_once("<code>")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap();

    let action = format!("/devices/{id}/end");
    let response = send(&corro, &site, "/devices", &action, &[]).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let page = text(&corro, &site, "/devices").await;
    assert!(page.contains("You have no such session."), "{page}");
    let page = text(&ferris, &site, "/devices").await;
    assert!(page.contains("id=\"user\">ferris<"), "{page}");
}

#[tokio::test]
async fn closing_the_account_ends_all_sessions_and_those_in_flight_change_nothing() {
    let site = Site::start_with(&["--recent-authentication", "3600"]);
    let (here, there) = (visitor(), visitor());
    sign_in(&here, &site, "ferris", "crab").await;
    sign_in(&there, &site, "ferris", "crab").await;
    let token = crate::visitor::token(&there, &site, "/session").await;

    let response = send(&here, &site, "/close-account", "/close-account", &[]).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let removal = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(removal.contains("; Max-Age=0"), "{removal}");

    // A form of the ended session.
    let request = there
        .post(site.at("/session/renew"))
        .header(ACCEPT, "text/html");
    let response = request
        .form(&[("csrf_token", &token)])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    for client in [here, there] {
        let page = text(&client, &site, "/").await;
        assert!(page.contains("id=\"visits\">1<"), "{page}");
        assert!(!page.contains("id=\"user\""), "{page}");
    }
}
