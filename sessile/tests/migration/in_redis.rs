//! Sessions whose state is in Redis.

use std::time::Duration;

use actix_test::TestServer;
use actix_web::cookie::{Key, time};
use sessile::config::TtlExtensionPolicy;
use sessile_rig::redis::Redis;

use crate::{
    servers::{COOKIE, OLD_TTL, TTL, connect, old, ours},
    visitor::Visitor,
};

/// Both libraries on one Redis, with one key.
struct Scene {
    redis: Redis,
    key: Key,
    is_private: bool,
    prefix: &'static str,
    old: TestServer,
    ours: TestServer,
}

impl Scene {
    fn new(is_private: bool) -> Self {
        Self::with(is_private, "", TtlExtensionPolicy::OnStateChanges)
    }

    fn with(is_private: bool, prefix: &'static str, policy: TtlExtensionPolicy) -> Self {
        let (redis, key) = (Redis::start().unwrap(), Key::generate());
        Self {
            old: old_server(redis.url(), key.clone(), is_private, prefix),
            ours: our_server(redis.url(), key.clone(), is_private, (prefix, policy)),
            redis,
            key,
            is_private,
            prefix,
        }
    }

    /// What actix-session sealed in the visitor's cookie; `None` if it did not seal it.
    fn old_content(&self, visitor: &Visitor) -> Option<String> {
        visitor.old_content(&self.key, self.is_private)
    }

    /// The key in Redis that a cookie of the old server names.
    fn redis_key(&self, visitor: &Visitor) -> String {
        let session_key = self.old_content(visitor).unwrap();
        assert_eq!(session_key.len(), 64);
        format!("{}{session_key}", self.prefix)
    }

    fn value(&self, redis_key: &str) -> Option<String> {
        let reply = self.redis.command(&["GET", redis_key]).unwrap();
        reply.text().map(|text| text.into_owned())
    }

    fn time_left(&self, redis_key: &str) -> Duration {
        let reply = self.redis.command(&["PTTL", redis_key]).unwrap();
        Duration::from_millis(reply.integer().unwrap().try_into().unwrap())
    }
}

fn old_server(url: String, key: Key, is_private: bool, prefix: &'static str) -> TestServer {
    use actix_session::{
        SessionMiddleware,
        config::{CookieContentSecurity, PersistentSession},
        storage::RedisSessionStore,
    };
    let store = connect(move || async move {
        let builder = RedisSessionStore::builder(url);
        let builder = builder.cache_keygen(move |key| format!("{prefix}{key}"));
        builder.build().await.unwrap()
    });
    let ttl = time::Duration::try_from(OLD_TTL).unwrap();
    old::start(move || {
        SessionMiddleware::builder(store.clone(), key.clone())
            .cookie_name(COOKIE.to_owned())
            .cookie_content_security(match is_private {
                true => CookieContentSecurity::Private,
                false => CookieContentSecurity::Signed,
            })
            .session_lifecycle(PersistentSession::default().session_ttl(ttl))
            .build()
    })
}

fn our_server(
    url: String,
    key: Key,
    is_private: bool,
    (prefix, policy): (&'static str, TtlExtensionPolicy),
) -> TestServer {
    use sessile::{
        CookieContentSecurity, SessionMiddleware, config::PersistentSession,
        storage::RedisSessionStore,
    };
    let store = connect(move || async move {
        let builder = RedisSessionStore::builder(url);
        let builder = builder.cache_keygen(move |id| format!("{prefix}{id}"));
        builder.build().await.unwrap()
    });
    let ttl = time::Duration::try_from(TTL).unwrap();
    ours::start(move || {
        let lifecycle = PersistentSession::default()
            .session_ttl(ttl)
            .session_ttl_extension_policy(policy);
        SessionMiddleware::builder(store.clone(), key.clone())
            .cookie_name(COOKIE.to_owned())
            .cookie_content_security(match is_private {
                true => CookieContentSecurity::Private,
                false => CookieContentSecurity::Signed,
            })
            .session_lifecycle(lifecycle)
            .build()
    })
}

/// Whether a value has this crate's form: the version and the record.
fn is_ours(value: &str) -> bool {
    let (version, record) = value.split_at(16);
    version.bytes().all(|byte| byte.is_ascii_hexdigit()) && record.starts_with(r#"{"v":3,"#)
}

#[actix_web::test]
async fn every_user_is_still_signed_in() {
    for is_private in [true, false] {
        for prefix in ["", "session:"] {
            let scene = Scene::with(is_private, prefix, TtlExtensionPolicy::OnStateChanges);
            for count in 0..5 {
                let user = format!("user-{count}");
                let mut visitor = Visitor::signed_in(&scene.old, &user, count).await;
                assert_eq!(
                    visitor.look(&scene.ours, "/").await,
                    (format!("{user} {count}"), true)
                );

                assert!(visitor.look(&scene.ours, "/count").await.1);
                let shown = visitor.get(&scene.ours, "/").await;
                assert_eq!(shown, format!("{user} {}", count + 1));
            }
        }
    }
}

#[actix_web::test]
async fn reading_neither_changes_nor_extends_a_session() {
    for is_private in [true, false] {
        let scene = Scene::new(is_private);
        let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        let at = scene.redis_key(&visitor);
        let (value, time_left) = (scene.value(&at), scene.time_left(&at));
        assert!(time_left <= OLD_TTL);
        // The first response seals the cookie again.
        for is_first in [true, false, false] {
            let expected = ("ferris 3".to_owned(), is_first);
            assert_eq!(visitor.look(&scene.ours, "/").await, expected);
            assert_eq!(scene.old_content(&visitor), None);
        }
        assert_eq!(scene.value(&at), value);
        assert!(scene.time_left(&at) <= time_left);

        // The session expires.
        assert!(scene.redis.command(&["PEXPIRE", &at, "0"]).is_ok());
        assert_eq!(visitor.get(&scene.ours, "/").await, "guest");
    }
}

#[actix_web::test]
async fn reading_extends_a_session_under_on_every_request() {
    let scene = Scene::with(false, "", TtlExtensionPolicy::OnEveryRequest);
    let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
    let at = scene.redis_key(&visitor);
    let expected = ("ferris 3".to_owned(), true);
    assert_eq!(visitor.look(&scene.ours, "/").await, expected);
    assert!(scene.time_left(&at) > OLD_TTL);
    assert!(is_ours(&scene.value(&at).unwrap()));
    assert_eq!(visitor.look(&scene.ours, "/").await, expected);
}

#[actix_web::test]
async fn a_change_converts_the_cookie_and_the_value() {
    for is_private in [true, false] {
        let scene = Scene::new(is_private);
        let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        let at = scene.redis_key(&visitor);
        assert_eq!(scene.value(&at).unwrap().find("\"v\":3"), None);

        assert!(visitor.look(&scene.ours, "/count").await.1);
        assert!(is_ours(&scene.value(&at).unwrap()));
        assert!(scene.time_left(&at) > OLD_TTL);
        assert_eq!(scene.old_content(&visitor), None);
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 4");
    }
}

#[actix_web::test]
async fn a_renewal_moves_the_session_to_a_regular_id() {
    for is_private in [true, false] {
        let scene = Scene::new(is_private);
        let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        let mut thief = visitor.clone();
        let at = scene.redis_key(&visitor);

        assert!(visitor.look(&scene.ours, "/renew").await.1);
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 3");
        // The record that is left there only names the new session, and expires after the grace period.
        let left = scene.value(&at).unwrap();
        assert!(
            is_ours(&left) && left.contains(r#""s":{"moved_to":""#),
            "{left}"
        );
        assert!(scene.time_left(&at) <= Duration::from_secs(60));
        assert_eq!(scene.old_content(&visitor), None);
        for server in [&scene.ours, &scene.old] {
            assert_eq!(thief.clone().get(server, "/").await, "guest");
        }
        thief.get(&scene.ours, "/count").await;
        assert_eq!(thief.get(&scene.ours, "/").await, "guest");
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 3");
    }
}

#[actix_web::test]
async fn signing_out_deletes_the_session() {
    for is_private in [true, false] {
        for path in ["/", "/count", "/renew"] {
            let scene = Scene::new(is_private);
            let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
            let at = scene.redis_key(&visitor);
            visitor.get(&scene.ours, path).await;
            let mut thief = visitor.clone();
            assert!(visitor.look(&scene.ours, "/sign-out").await.1);
            // A renewal leaves a record that names the new session, for the grace period.
            let left = scene.value(&at);
            assert_eq!(left.is_some(), path == "/renew", "{left:?}");
            assert!(left.is_none_or(|left| left.contains(r#""s":{"moved_to":""#)));
            assert_eq!(thief.get(&scene.ours, "/").await, "guest");
        }
    }
}

#[actix_web::test]
async fn going_back_signs_out_users_that_were_taken_over_and_breaks_nothing() {
    for is_private in [true, false] {
        let scene = Scene::new(is_private);
        let visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        for path in ["/", "/count"] {
            let mut taken_over = visitor.clone();
            taken_over.get(&scene.ours, path).await;
            let mut back = taken_over.clone();
            assert_eq!(back.get(&scene.old, "/").await, "guest");
            back.get(&scene.old, "/sign-in/ferris").await;
            assert_eq!(back.get(&scene.ours, "/").await, "ferris 0");
            assert!(
                taken_over
                    .get(&scene.ours, "/")
                    .await
                    .starts_with("ferris ")
            );
        }
    }
}

#[actix_web::test]
async fn the_old_key_does_not_lead_an_old_server_to_a_session_that_was_renewed() {
    for is_private in [true, false] {
        let scene = Scene::new(is_private);
        let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        let mut thief = visitor.clone();
        visitor.get(&scene.ours, "/renew").await;
        thief.get(&scene.old, "/count").await;
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 3");
        for server in [&scene.ours, &scene.old] {
            assert_eq!(thief.get(server, "/").await, "guest");
        }
    }
}

#[actix_web::test]
async fn an_old_server_treats_a_new_session_as_a_guest() {
    for is_private in [true, false] {
        let scene = Scene::new(is_private);
        let mut visitor = Visitor::signed_in(&scene.ours, "ferris", 1).await;
        assert_eq!(visitor.clone().get(&scene.old, "/count").await, "");
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 1");
    }
}
