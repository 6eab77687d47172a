//! Invalid settings: a typed error from `try_build`, a panic from `build`.

use std::{panic, time::Duration};

use actix_web::cookie::Key;
use sessile::{
    SessionLength, SessionMiddleware, SessionMiddlewareBuilder,
    config::{BrowserSession, PersistentSession, StoreFailurePolicy},
    error::{InvalidCookieError, SettingsError},
    storage::MemorySessionStore,
};

use crate::setup::seconds;

type Builder = SessionMiddlewareBuilder<MemorySessionStore>;

fn builder() -> Builder {
    SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
}

/// Checks that `try_build` returns an error, and that `build` panics with the cause.
#[track_caller]
fn refusal(change: impl Fn(Builder) -> Builder) -> SettingsError {
    let error = change(builder())
        .try_build()
        .expect_err("invalid settings are refused");
    let change = panic::AssertUnwindSafe(change);
    let panicked = panic::catch_unwind(|| change(builder()).build());
    let message = panicked.expect_err("a panic");
    let message = message.downcast_ref::<String>().expect("a message");
    assert!(message.contains(&error.to_string()), "{message}");
    error
}

#[track_caller]
fn cookie_refusal(change: impl Fn(Builder) -> Builder) -> InvalidCookieError {
    match refusal(change) {
        SettingsError::Cookie(error) => error,
        other => panic!("{other:?}"),
    }
}

fn assert_accepted(change: impl Fn(Builder) -> Builder) {
    assert!(change(builder()).try_build().is_ok());
    let _ = change(builder()).build();
}

#[test]
fn the_defaults_are_accepted() {
    assert_accepted(|builder| builder);
}

#[test]
fn invalid_names_are_refused() {
    let named = |name: &'static str| move |builder: Builder| builder.cookie_name(name.to_owned());
    assert_eq!(cookie_refusal(named("")), InvalidCookieError::EmptyName);
    for (name, character) in [
        ("a b", ' '),
        ("a;b", ';'),
        ("a=b", '='),
        ("a,b", ','),
        ("a\r\nSet-Cookie: x", '\r'),
        ("a\0", '\0'),
        ("séance", 'é'),
    ] {
        let expected = InvalidCookieError::IllegalName { character };
        assert_eq!(cookie_refusal(named(name)), expected, "{name:?}");
    }
    assert_accepted(named("a!#$%&'*+-.^_`|~1"));
}

#[test]
fn invalid_paths_are_refused() {
    let below = |path: &'static str| move |builder: Builder| builder.cookie_path(path.to_owned());
    for (path, character) in [
        ("/a;b", ';'),
        ("/a\nb", '\n'),
        ("/é", 'é'),
        ("/\u{7f}", '\u{7f}'),
    ] {
        let expected = InvalidCookieError::IllegalAttribute {
            attribute: "Path",
            character,
        };
        assert_eq!(cookie_refusal(below(path)), expected, "{path:?}");
    }
    assert_eq!(
        cookie_refusal(below("app")),
        InvalidCookieError::RelativePath
    );
    for path in ["", "/a b/c"] {
        assert_accepted(below(path));
    }
}

#[test]
fn invalid_domains_are_refused() {
    let of = |domain: &'static str| {
        move |builder: Builder| builder.cookie_domain(Some(domain.to_owned()))
    };
    for (domain, character) in [("a;b", ';'), ("a\r\nb", '\r'), ("bücher.example", 'ü')] {
        let expected = InvalidCookieError::IllegalAttribute {
            attribute: "Domain",
            character,
        };
        assert_eq!(cookie_refusal(of(domain)), expected, "{domain:?}");
    }
    assert_accepted(of(""));
    assert_accepted(of("example.org"));
}

#[test]
fn a_prefix_that_the_attributes_contradict_is_refused() {
    let host = |builder: Builder| builder.cookie_name("__Host-id".to_owned());
    let secure = |builder: Builder| builder.cookie_name("__Secure-id".to_owned());
    #[track_caller]
    fn assert_prefix(error: InvalidCookieError) {
        assert!(
            matches!(error, InvalidCookieError::Prefix { .. }),
            "{error:?}"
        );
    }
    assert_prefix(cookie_refusal(|builder| {
        host(builder).cookie_domain(Some("example.org".to_owned()))
    }));
    assert_prefix(cookie_refusal(|builder| {
        host(builder).cookie_path("/app".to_owned())
    }));
    assert_prefix(cookie_refusal(|builder| host(builder).cookie_secure(false)));
    assert_prefix(cookie_refusal(|builder| {
        secure(builder).cookie_secure(false)
    }));
    assert_accepted(host);
    assert_accepted(|builder| secure(builder).cookie_path("/app".to_owned()));
}

#[test]
fn durations_are_at_least_a_millisecond() {
    for none in [
        seconds(0),
        seconds(-1),
        time::Duration::MIN,
        time::Duration::nanoseconds(-1),
    ] {
        let refused = [
            refusal(|builder| {
                let lifecycle = BrowserSession::default().state_ttl(none);
                builder.session_lifecycle(lifecycle)
            }),
            refusal(|builder| {
                let lifecycle = PersistentSession::default().session_ttl(none);
                builder.session_lifecycle(lifecycle)
            }),
            refusal(|builder| {
                let state_ttl = Some(none);
                builder.session_length(SessionLength::BrowserSession { state_ttl })
            }),
            refusal(|builder| {
                let max_session_length = Some(none);
                builder.session_length(SessionLength::Predetermined { max_session_length })
            }),
            refusal(|builder| builder.absolute_timeout(Some(Duration::ZERO))),
            refusal(|builder| builder.store_timeout(Duration::ZERO)),
        ];
        for error in refused {
            assert!(
                matches!(error, SettingsError::TooShort { .. }),
                "{none}: {error:?}"
            );
        }
    }
    assert_accepted(|builder| builder.absolute_timeout(None));
    assert_accepted(|builder| {
        let lifecycle = PersistentSession::default().session_ttl(time::Duration::MAX);
        builder
            .session_lifecycle(lifecycle)
            .absolute_timeout(Some(Duration::MAX))
    });
}

#[test]
fn touch_fractions_are_0_to_1() {
    for fraction in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        -1e-9,
        1.000_001,
        2.0,
    ] {
        let error = refusal(|builder| builder.touch_fraction(fraction));
        assert_eq!(error, SettingsError::TouchFraction, "{fraction}");
    }
    for fraction in [0.0, 0.5, 1.0] {
        assert_accepted(|builder| builder.touch_fraction(fraction));
    }
}

#[test]
fn the_status_of_a_failure_is_400_to_599() {
    let respond = |status| {
        move |builder: Builder| builder.on_store_failure(StoreFailurePolicy::Respond { status })
    };
    for status in [0, 99, 200, 302, 399, 600, 999] {
        assert_eq!(refusal(respond(status)), SettingsError::Status { status });
    }
    for status in [400, 503, 599] {
        assert_accepted(respond(status));
    }
    assert_accepted(|builder| builder.on_store_failure(StoreFailurePolicy::ServeEmpty));
}
