//! Sessions whose state is in the cookie.

use actix_test::TestServer;
use actix_web::cookie::Key;
use sessile::config::TtlExtensionPolicy::{self, OnEveryRequest, OnStateChanges};

use crate::{
    servers::{COOKIE, old, ours},
    visitor::Visitor,
};

#[derive(Clone, Copy)]
enum Content {
    Signed,
    Private,
}

use Content::{Private, Signed};

const BOTH: [Content; 2] = [Signed, Private];

fn old_server(key: &Key, content: Content) -> TestServer {
    let key = key.clone();
    old::start(move || {
        use actix_session::{
            SessionMiddleware, config::CookieContentSecurity, storage::CookieSessionStore,
        };
        SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            .cookie_name(COOKIE.to_owned())
            .cookie_content_security(match content {
                Signed => CookieContentSecurity::Signed,
                Private => CookieContentSecurity::Private,
            })
            .build()
    })
}

fn our_server(key: &Key, content: Content, accepts_theirs: bool) -> TestServer {
    our_server_with(key, content, accepts_theirs, OnStateChanges)
}

fn our_server_with(
    key: &Key,
    content: Content,
    accepts_theirs: bool,
    policy: TtlExtensionPolicy,
) -> TestServer {
    let key = key.clone();
    ours::start(move || {
        use sessile::{
            CookieContentSecurity, SessionMiddleware, config::BrowserSession,
            storage::CookieSessionStore,
        };
        let lifecycle = BrowserSession::default().state_ttl_extension_policy(policy);
        SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            .cookie_name(COOKIE.to_owned())
            .cookie_content_security(match content {
                Signed => CookieContentSecurity::Signed,
                Private => CookieContentSecurity::Private,
            })
            .session_lifecycle(lifecycle)
            .accept_actix_session_cookies(accepts_theirs)
            .build()
    })
}

/// What actix-session sealed in the cookie; `None` if it did not seal it.
fn old_content(visitor: &Visitor, key: &Key, content: Content) -> Option<String> {
    visitor.old_content(key, matches!(content, Private))
}

#[actix_web::test]
async fn every_user_is_still_signed_in() {
    for content in BOTH {
        let key = Key::generate();
        let (old, ours) = (old_server(&key, content), our_server(&key, content, true));
        for count in 0..5 {
            let user = format!("user-{count}-ü\"");
            let user = user.as_str();
            let path = user.replace('ü', "%C3%BC").replace('"', "%22");
            let mut visitor = Visitor::signed_in(&old, &path, count).await;
            assert_eq!(
                visitor.look(&ours, "/").await,
                (format!("{user} {count}"), true)
            );

            assert!(visitor.look(&ours, "/count").await.1);
            assert_eq!(
                visitor.get(&ours, "/").await,
                format!("{user} {}", count + 1)
            );
        }
    }
}

#[actix_web::test]
async fn the_first_response_seals_the_cookie_again() {
    for content in BOTH {
        let key = Key::generate();
        let old = old_server(&key, content);
        for policy in [OnStateChanges, OnEveryRequest] {
            let ours = our_server_with(&key, content, true, policy);
            for path in ["/", "/count", "/renew"] {
                let mut visitor = Visitor::signed_in(&old, "ferris", 1).await;
                let before = old_content(&visitor, &key, content).unwrap();
                assert!(before.contains(r#""user_id":"\"ferris\"""#), "{before}");

                assert!(visitor.look(&ours, path).await.1);
                assert_eq!(old_content(&visitor, &key, content), None);
                let (page, was_set) = visitor.look(&ours, "/").await;
                assert!(page.starts_with("ferris "));
                assert_eq!(was_set, policy == OnEveryRequest);
            }
        }
    }
}

#[actix_web::test]
async fn cookies_of_actix_session_are_refused_if_they_are_not_accepted() {
    for content in BOTH {
        let key = Key::generate();
        let (old, ours) = (old_server(&key, content), our_server(&key, content, true));
        let strict = our_server(&key, content, false);
        let mut visitor = Visitor::signed_in(&old, "ferris", 1).await;
        assert_eq!(visitor.look(&strict, "/").await, ("guest".into(), false));
        visitor.get(&ours, "/count").await;
        assert_eq!(visitor.get(&strict, "/").await, "ferris 2");
    }
}

#[actix_web::test]
async fn signing_out_works() {
    for content in BOTH {
        let key = Key::generate();
        let (old, ours) = (old_server(&key, content), our_server(&key, content, true));
        let mut visitor = Visitor::signed_in(&old, "ferris", 1).await;
        assert!(visitor.look(&ours, "/sign-out").await.1);
        assert_eq!(visitor.get(&ours, "/").await, "guest");
    }
}

#[actix_web::test]
async fn going_back_signs_out_users_that_were_taken_over_and_breaks_nothing() {
    for content in BOTH {
        let key = Key::generate();
        let (old, ours) = (old_server(&key, content), our_server(&key, content, true));
        let visitor = Visitor::signed_in(&old, "ferris", 1).await;
        for path in ["/", "/count"] {
            let mut taken_over = visitor.clone();
            taken_over.get(&ours, path).await;
            assert_eq!(taken_over.get(&old, "/").await, "guest");
            taken_over.get(&old, "/sign-in/ferris").await;
            assert_eq!(taken_over.get(&ours, "/").await, "ferris 0");
        }
    }
}
