//! Where the state is in the cookie.

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

/// What the cookie says.
fn content_of(visitor: &Visitor, key: &Key, content: Content) -> String {
    match content {
        Private => visitor.private_content(key),
        Signed => visitor.signed_content(key),
    }
}

/// Whether a content is of our form: a head that begins with 2, and the record. A signed one has its head in base64,
/// and is bound to the name of the cookie.
fn is_ours(text: &str, content: Content) -> bool {
    let begins = match content {
        Signed => text.starts_with("sid=Ag"),
        Private => text.starts_with('\u{2}'),
    };
    begins && text.contains(r#"{"v":3,"#)
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
                (format!("{user} {count}"), false)
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
async fn a_change_puts_the_cookie_into_our_form() {
    for content in BOTH {
        let key = Key::generate();
        let (old, ours) = (old_server(&key, content), our_server(&key, content, true));
        for path in ["/count", "/renew"] {
            let mut visitor = Visitor::signed_in(&old, "ferris", 1).await;
            let before = content_of(&visitor, &key, content);
            assert!(before.contains(r#""user_id":"\"ferris\"""#), "{before}");

            assert!(visitor.look(&ours, path).await.1);
            let after = content_of(&visitor, &key, content);
            assert!(is_ours(&after, content), "{after}");
            assert!(visitor.get(&ours, "/").await.starts_with("ferris "));
        }
    }
}

#[actix_web::test]
async fn reading_puts_it_into_our_form_where_reading_extends_life() {
    for content in BOTH {
        let key = Key::generate();
        let old = old_server(&key, content);
        let ours = our_server_with(&key, content, true, OnEveryRequest);
        let mut visitor = Visitor::signed_in(&old, "ferris", 1).await;
        assert_eq!(visitor.look(&ours, "/").await, ("ferris 1".into(), true));
        assert!(is_ours(&content_of(&visitor, &key, content), content));
        assert_eq!(visitor.look(&ours, "/").await, ("ferris 1".into(), false));
    }
}

#[actix_web::test]
async fn where_that_was_chosen_only_our_own_are_accepted() {
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
        let mut visitor = Visitor::signed_in(&old, "ferris", 1).await;
        let mut reader = visitor.clone();
        assert_eq!(reader.get(&ours, "/").await, "ferris 1");
        assert_eq!(reader.get(&old, "/").await, "ferris 1");

        visitor.get(&ours, "/count").await;
        assert_eq!(visitor.get(&old, "/").await, "guest");
        visitor.get(&old, "/sign-in/ferris").await;
        assert_eq!(visitor.get(&ours, "/").await, "ferris 0");
    }
}
