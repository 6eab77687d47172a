//! What browsers accept as a cookie's name and attributes.

use super::Settings;
use crate::config::SameSite;

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
        return Err(InvalidCookieError::TooLong { len });
    }
    if settings.cookie_same_site == SameSite::None && !settings.cookie_secure {
        return Err(InvalidCookieError::InsecureSameSite);
    }
    check_prefix(settings)
}

/// Why no cookie can have the name or an attribute that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCookieError {
    /// The name is empty.
    #[error("a cookie needs a name")]
    EmptyName,
    /// The name has a character that a cookie's name can't have: it is a token of RFC 9110,
    /// section 5.6.2.
    #[error("a cookie's name can't have the character {character:?}")]
    IllegalName {
        /// The first such character.
        character: char,
    },
    /// `Path` or `Domain` has a character that would end the attribute, isn't printable ASCII, or
    /// can't be in the name of a host.
    #[error("the cookie's {attribute} can't have the character {character:?}")]
    IllegalAttribute {
        /// The attribute: `Path` or `Domain`.
        attribute: &'static str,
        /// The first such character.
        character: char,
    },
    /// `Path` does not begin with `/`, so browsers would replace it (RFC 6265bis, section 5.6.4).
    #[error("the cookie's Path has to begin with `/`")]
    RelativePath,
    /// `SameSite` is `None`, and browsers ignore such a cookie without `Secure` (RFC 6265bis, section 5.7).
    #[error("browsers ignore a cookie with SameSite=None and without Secure")]
    InsecureSameSite,
    /// The name begins with `__Host-` or `__Secure-`, and browsers refuse such a cookie with these
    /// attributes (RFC 6265bis, section 4.1.3).
    #[error("browsers refuse a cookie named {prefix}… {because}")]
    Prefix {
        /// The prefix of the name.
        prefix: &'static str,
        /// What is in the way.
        because: &'static str,
    },
    /// The name, `Path` or `Domain` is longer than browsers accept, or than leaves room for a value.
    #[error("the cookie's name, Path or Domain has {len} bytes, more than the {MAX_LEN} it may")]
    TooLong {
        /// The length in bytes.
        len: usize,
    },
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
