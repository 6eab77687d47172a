//! The cookie: how its content is protected, and which names and attributes browsers accept.

use super::Settings;
use crate::error::InvalidCookieError;

/// How the content of the cookie is protected.
///
/// Both detect a cookie that was changed, or that was sealed for another cookie name.
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
    /// Authenticated (HMAC-SHA256): the client can read it. With `CookieSessionStore`, the content
    /// is the whole session.
    Signed,
}

/// Which requests from other sites have the cookie (RFC 6265bis, section 5.6.7).
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
    /// All. Browsers accept such a cookie only with `Secure`.
    None,
}

/// The maximum length of a name or an attribute in bytes. Browsers ignore longer attributes (RFC
/// 6265bis, section 5.6), and a longer name leaves too few bytes for the value.
const MAX_LEN: usize = 1024;

/// Checks that browsers accept a cookie with the name and attributes of `settings`.
pub(super) fn check(settings: &Settings) -> Result<(), InvalidCookieError> {
    if let Some(header) = &settings.session_header {
        return check_header(header);
    }
    let (name, path) = (&*settings.cookie_name, &*settings.cookie_path);
    let domain = settings.cookie_domain.as_deref().unwrap_or_default();
    check_name(name)?;
    check_attribute("Path", path)?;
    if !path.is_empty() && !path.starts_with('/') {
        return Err(InvalidCookieError::RelativePath);
    }
    check_attribute("Domain", domain)?;
    for text in [name, path, domain] {
        check_len(text)?;
    }
    if settings.cookie_same_site == SameSite::None && !settings.cookie_secure {
        return Err(InvalidCookieError::InsecureSameSite);
    }
    if settings.cookie_partitioned && !settings.cookie_secure {
        return Err(InvalidCookieError::InsecurePartitioned);
    }
    check_prefix(settings)
}

/// Headers that have a meaning of their own.
const RESERVED_HEADERS: [&str; 9] = [
    "cache-control",
    "clear-site-data",
    "connection",
    "content-length",
    "cookie",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "vary",
];

fn check_header(name: &str) -> Result<(), InvalidCookieError> {
    check_name(name)?;
    check_len(name)?;
    let mut reserved = RESERVED_HEADERS.into_iter();
    match reserved.find(|it| name.eq_ignore_ascii_case(it)) {
        Some(header) => Err(InvalidCookieError::ReservedHeader { header }),
        None => Ok(()),
    }
}

fn check_len(text: &str) -> Result<(), InvalidCookieError> {
    match text.len() {
        ..=MAX_LEN => Ok(()),
        len => Err(InvalidCookieError::TooLong { len, max: MAX_LEN }),
    }
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

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";
const HOST_HTTP: &str = "__Host-Http-";
const HTTP: &str = "__Http-";

/// The name without a prefix that demands `Secure`.
pub(super) fn without_prefix(name: &str) -> &str {
    let mut prefixes = [HOST_HTTP, HOST, SECURE, HTTP].into_iter();
    let prefix = prefixes.find(|prefix| begins_with(name, prefix));
    prefix.map_or(name, |prefix| &name[prefix.len()..])
}

/// Browsers compare the prefixes without regard to case.
fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn check_prefix(settings: &Settings) -> Result<(), InvalidCookieError> {
    let begins_with = |prefix| begins_with(&settings.cookie_name, prefix);
    let refuse = |prefix, because| Err(InvalidCookieError::Prefix { prefix, because });
    if begins_with(HOST) {
        let domain = settings.cookie_domain.as_deref();
        if !domain.unwrap_or_default().is_empty() {
            return refuse(HOST, "with a Domain");
        }
        if settings.cookie_path != "/" {
            return refuse(HOST, "with a Path other than `/`");
        }
        if !settings.cookie_secure {
            return refuse(HOST, "without Secure");
        }
    }
    for prefix in [SECURE, HTTP] {
        if begins_with(prefix) && !settings.cookie_secure {
            return refuse(prefix, "without Secure");
        }
    }
    for prefix in [HOST_HTTP, HTTP] {
        if begins_with(prefix) && !settings.cookie_http_only {
            return refuse(prefix, "without HttpOnly");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
