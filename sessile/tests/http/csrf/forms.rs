//! The token in the field of a form.

use sessile::CookieContentSecurity::Private;

use super::*;
use crate::setup::{Memory, on_every_store};

on_every_store![
    a_form_of_a_visitor_without_a_session_is_accepted,
    a_form_is_refused_without_its_token,
];

async fn a_form_of_a_visitor_without_a_session_is_accepted<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (browser, token) = Browser::with_form(&server).await;
    for form in [
        format!("csrf_token={token}&article=apple+pie"),
        format!("article=apple%20pie&csrf_token={token}&other="),
    ] {
        for content_type in [
            FORM,
            "Content-Type: application/x-www-form-urlencoded; charset=UTF-8",
        ] {
            let reply = browser.send("/", &[content_type], &form).await;
            assert_eq!((reply.status, &*reply.body), (200, "1 apple pie"));
        }
    }
}

async fn a_form_is_refused_without_its_token<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (browser, token) = Browser::with_form(&server).await;
    let form = format!("csrf_token={token}&article=apple");
    for body in [
        "",
        "article=apple",
        "csrf_token=&article=apple",
        "csrf_token&article=apple",
        "token=x&article=apple",
        "csrf_token=%FF&article=apple",
        "\0",
        &format!("csrf_token={token}&{form}"),
    ] {
        browser.send("/", &[FORM], body).await.assert_failure(403);
    }
    // The field of other content is not read.
    for headers in [
        &[][..],
        &["Content-Type: text/plain"],
        &["Content-Type: multipart/form-data"],
    ] {
        browser.send("/", headers, &form).await.assert_failure(403);
    }
    // Another visitor's browser, and one without a session.
    let (other, _) = Browser::with_form(&server).await;
    other.send("/", &[FORM], &form).await.assert_failure(403);
    let reply = send(&server, "POST /", &[FORM], &form).await;
    reply.assert_failure(403);
}

#[tokio::test]
async fn the_handler_gets_the_whole_form() {
    let setup = Setup::<Memory>::new(Private).await;
    let guard = CsrfGuard::new().max_form_bytes(1000);
    let server = start_with(setup.builder().build(), guard);
    let (browser, token) = Browser::with_form(&server).await;
    let form = |len: usize| {
        let form = format!("csrf_token={token}&article=");
        let padding = "a".repeat(len - form.len());
        form + &padding
    };
    let largest = browser.send("/body", &[FORM], &form(1000)).await;
    assert_eq!((largest.status, largest.body), (200, form(1000)));
    let larger = browser.send("/body", &[FORM], &form(1001)).await;
    larger.assert_failure(413);
    // The guard does not read a form whose token is in the header.
    let header = format!("X-CSRF-Token: {token}");
    let larger = browser.send("/body", &[FORM, &header], &form(1001)).await;
    assert_eq!((larger.status, larger.body), (200, form(1001)));
}

#[tokio::test]
async fn a_form_in_chunks_is_put_back() {
    let setup = Setup::<Memory>::new(Private).await;
    let server = start(&setup);
    let (browser, token) = Browser::with_form(&server).await;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{FORM}\r\nCookie: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\nd\r\narticle=apple\r\n37\r\n&csrf_token={token}\r\n0\r\n\r\n",
        server.address, browser.cookie
    );
    let reply = server.exchange(request.as_bytes()).await;
    assert_eq!((reply.status, &*reply.body), (200, "1 apple"));
}

#[tokio::test]
async fn the_application_renders_the_refusal() {
    let setup = Setup::<Memory>::new(Private).await;
    let guard = CsrfGuard::new().on_refused(|request, error| {
        HttpResponse::Ok().body(format!("{}: {error}", request.path()))
    });
    let server = start_with(setup.builder().build(), guard);
    let reply = send(&server, "POST /", &[], "").await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.body, "/: the request has no CSRF token");
    reply.assert_failure_headers();
}
