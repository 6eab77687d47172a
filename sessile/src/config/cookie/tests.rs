//! Names and attributes that browsers accept, and others.

use super::*;

fn checked(change: impl FnOnce(&mut Settings)) -> Result<(), InvalidCookieError> {
    let mut settings = Settings::default();
    change(&mut settings);
    check(&settings)
}

#[test]
fn names_are_tokens() {
    let named = |name: &str| checked(|settings| settings.cookie_name = name.into());
    assert_eq!(named(""), Err(InvalidCookieError::EmptyName));
    for character in [' ', ';', '=', ',', '"', '/', 'é', '\n', '\0', '{'] {
        assert_eq!(
            named(&format!("a{character}b")),
            Err(InvalidCookieError::IllegalName { character })
        );
    }
    assert!(named("a!#$%&'*+-.^_`|~9Z").is_ok());
}

#[test]
fn attributes_cannot_break_out() {
    for character in [';', '\r', '\n', '\0', 'é', '\u{7f}'] {
        let path = checked(|settings| settings.cookie_path = format!("/{character}"));
        let domain = checked(|settings| settings.cookie_domain = Some(character.to_string()));
        let illegal = |attribute| {
            Err(InvalidCookieError::IllegalAttribute {
                attribute,
                character,
            })
        };
        assert_eq!((path, domain), (illegal("Path"), illegal("Domain")));
    }
    assert_eq!(
        checked(|settings| settings.cookie_path = "app".into()),
        Err(InvalidCookieError::RelativePath)
    );
    assert!(matches!(
        checked(|settings| settings.cookie_path = format!("/{}", "a".repeat(3000))),
        Err(InvalidCookieError::TooLong { .. })
    ));
}

#[test]
fn empty_attributes_are_left_out_as_browsers_ignore_them() {
    assert_eq!(checked(|s| s.cookie_domain = Some(String::new())), Ok(()));
    assert_eq!(checked(|s| s.cookie_path = String::new()), Ok(()));
}

#[test]
fn a_cookie_for_other_sites_is_secure() {
    let with = |same_site, secure| {
        checked(|settings| {
            settings.cookie_same_site = same_site;
            settings.cookie_secure = secure;
        })
    };
    let refused = Err(InvalidCookieError::InsecureSameSite);
    assert_eq!(with(SameSite::None, false), refused);
    assert_eq!(with(SameSite::None, true), Ok(()));
    assert_eq!(with(SameSite::Lax, false), Ok(()));
}

#[test]
fn a_partitioned_cookie_is_secure() {
    let with = |secure| {
        checked(|settings| {
            settings.cookie_partitioned = true;
            settings.cookie_secure = secure;
        })
    };
    assert_eq!(with(true), Ok(()));
    assert_eq!(with(false), Err(InvalidCookieError::InsecurePartitioned));
}

#[test]
fn a_header_is_a_token_without_another_meaning() {
    let named = |name: &str| checked(|settings| settings.session_header = Some(name.into()));
    assert_eq!(named("X-Session"), Ok(()));
    assert_eq!(named(""), Err(InvalidCookieError::EmptyName));
    let illegal = InvalidCookieError::IllegalName { character: ':' };
    assert_eq!(named("x:"), Err(illegal));
    let reserved = InvalidCookieError::ReservedHeader { header: "cookie" };
    assert_eq!(named("Cookie"), Err(reserved));
    assert!(matches!(
        named(&"x".repeat(3000)),
        Err(InvalidCookieError::TooLong { .. })
    ));
}

#[test]
fn plain_http_has_neither_secure_nor_a_prefix() {
    let over_plain_http = |name: &str| {
        let settings = Settings {
            cookie_name: name.into(),
            allow_plain_http: true,
            ..Settings::strict()
        };
        let settings = settings.in_effect();
        assert!(!settings.cookie_secure);
        settings.cookie_name
    };
    assert_eq!(over_plain_http("__Host-id"), "id");
    assert_eq!(over_plain_http("__secure-id"), "id");
    assert_eq!(over_plain_http("__Http-id"), "id");
    assert_eq!(over_plain_http("__Host-Http-id"), "id");
    assert_eq!(over_plain_http("id"), "id");
    assert_eq!(Settings::strict().in_effect().cookie_name, "__Host-id");
}

#[test]
fn prefixes_keep_their_promise() {
    let refused = |change: fn(&mut Settings)| {
        matches!(checked(change), Err(InvalidCookieError::Prefix { .. }))
    };
    assert!(refused(|s| {
        s.cookie_name = "__Host-id".into();
        s.cookie_domain = Some("example.org".into());
    }));
    assert!(refused(|s| {
        s.cookie_name = "__host-id".into();
        s.cookie_path = "/app".into();
    }));
    assert!(refused(|s| {
        s.cookie_name = "__Host-id".into();
        s.cookie_path = String::new();
    }));
    assert!(refused(|s| {
        s.cookie_name = "__Host-id".into();
        s.cookie_secure = false;
    }));
    assert!(refused(|s| {
        s.cookie_name = "__Secure-id".into();
        s.cookie_secure = false;
    }));
    assert!(refused(|s| {
        s.cookie_name = "__http-id".into();
        s.cookie_secure = false;
    }));
    assert!(refused(|s| {
        s.cookie_name = "__Http-id".into();
        s.cookie_http_only = false;
    }));
    assert!(refused(|s| {
        s.cookie_name = "__Host-Http-id".into();
        s.cookie_http_only = false;
    }));
    for name in ["__Host-id", "__Http-id", "__Host-Http-id"] {
        let settings = Settings {
            cookie_name: name.into(),
            ..Settings::default()
        };
        assert_eq!(check(&settings), Ok(()), "{name}");
    }
    let with_empty_domain = checked(|s| {
        s.cookie_name = "__Host-id".into();
        s.cookie_domain = Some(String::new());
    });
    assert_eq!(with_empty_domain, Ok(()));
}
