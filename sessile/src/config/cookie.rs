//! The cookie: how its content is protected, and what browsers accept as its name and attributes.

use super::Settings;
use crate::error::InvalidCookieError;

/// How the content of the cookie is protected.
///
/// With both, a cookie that was changed, or sealed for another cookie name, is not accepted.
///
/// ```
/// use sessile::config::{CookieContentSecurity, Settings};
///
/// let settings = Settings::default();
/// assert_eq!(settings.cookie_content_security, CookieContentSecurity::Private);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieContentSecurity {
    /// Encrypted and authenticated (AES-128-GCM-SIV): the client can't read it.
    Private,
    /// Authenticated (HMAC-SHA256): the client can read it. With `CookieSessionStore`, that is everything
    /// the session holds.
    Signed,
}

/// Which requests from other sites bring the cookie (RFC 6265bis, section 5.6.7).
///
/// ```
/// use sessile::{
///     config::{SameSite, Settings},
///     engine::{SealingKey, SessionManager},
///     storage::MemorySessionStore,
/// };
///
/// let mut settings = Settings::default();
/// assert_eq!(settings.cookie_same_site, SameSite::Lax);
///
/// settings.cookie_same_site = SameSite::None;
/// settings.cookie_secure = false;
/// let refused = SessionManager::new(MemorySessionStore::default(), SealingKey::generate(), settings);
/// assert!(refused.is_err(), "no browser accepts such a cookie");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// None.
    Strict,
    /// Those that open a page: links and forms that use `GET`.
    Lax,
    /// All. Browsers take such a cookie only with `Secure`.
    None,
}

/// The most bytes that a name or an attribute may have: browsers ignore longer attributes (RFC
/// 6265bis, section 5.6), and a longer name leaves too little for the value.
const MAX_LEN: usize = 1024;

/// Checks that a browser takes a cookie with the name and attributes of `settings`.
pub(super) fn check(settings: &Settings) -> Result<(), InvalidCookieError> {
    check_name(&settings.cookie_name)?;
    check_attribute("Path", &settings.cookie_path)?;
    if !settings.cookie_path.is_empty() && !settings.cookie_path.starts_with('/') {
        return Err(InvalidCookieError::RelativePath);
    }
    let domain = settings.cookie_domain.as_deref();
    if let Some(domain) = domain {
        check_attribute("Domain", domain)?;
    }
    let longest = [settings.cookie_name.as_str(), &settings.cookie_path]
        .into_iter()
        .chain(domain)
        .map(str::len)
        .max();
    if let Some(len) = longest.filter(|len| *len > MAX_LEN) {
        return Err(InvalidCookieError::TooLong { len, max: MAX_LEN });
    }
    if settings.cookie_same_site == SameSite::None && !settings.cookie_secure {
        return Err(InvalidCookieError::InsecureSameSite);
    }
    check_prefix(settings)
}

fn check_name(name: &str) -> Result<(), InvalidCookieError> {
    if name.is_empty() {
        return Err(InvalidCookieError::EmptyName);
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match name.chars().find(|c| !is_token(*c)) {
        Some(character) => Err(InvalidCookieError::IllegalName { character }),
        None => Ok(()),
    }
}

fn check_attribute(attribute: &'static str, value: &str) -> Result<(), InvalidCookieError> {
    let is_legal = |c: char| match attribute {
        // An internationalized name is written in its ASCII form.
        "Domain" => c.is_ascii_alphanumeric() || "-._".contains(c),
        _ => matches!(c, ' '..='~') && c != ';',
    };
    match value.chars().find(|c| !is_legal(*c)) {
        Some(character) => Err(InvalidCookieError::IllegalAttribute {
            attribute,
            character,
        }),
        None => Ok(()),
    }
}

/// Browsers compare the prefixes without regard to case.
fn check_prefix(settings: &Settings) -> Result<(), InvalidCookieError> {
    let begins_with = |prefix: &str| {
        settings
            .cookie_name
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let refuse = |prefix, because| Err(InvalidCookieError::Prefix { prefix, because });
    if begins_with("__Host-") {
        if settings
            .cookie_domain
            .as_ref()
            .is_some_and(|it| !it.is_empty())
        {
            return refuse("__Host-", "with a Domain");
        }
        if settings.cookie_path != "/" {
            return refuse("__Host-", "with a Path other than `/`");
        }
        if !settings.cookie_secure {
            return refuse("__Host-", "without Secure");
        }
    }
    if begins_with("__Secure-") && !settings.cookie_secure {
        return refuse("__Secure-", "without Secure");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
        assert!(checked(|s| s.cookie_name = "__Host-id".into()).is_ok());
        let with_empty_domain = checked(|s| {
            s.cookie_name = "__Host-id".into();
            s.cookie_domain = Some(String::new());
        });
        assert_eq!(with_empty_domain, Ok(()));
    }
}
