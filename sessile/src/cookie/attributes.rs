//! The cookie's name and attributes, formatted once, when the middleware is built.

use std::time::Duration;

use crate::config::{SameSite, Settings};

/// The name of the cookie and the attributes that every `Set-Cookie` carries.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    pub(super) name: String,
    /// `; Path=/; …`, everything but `Max-Age`.
    pub(super) suffix: String,
}

impl Attributes {
    /// From `settings` that were checked.
    pub(super) fn new(settings: &Settings) -> Self {
        let mut suffix = String::new();
        let domain = settings.cookie_domain.as_deref().unwrap_or_default();
        // Browsers ignore an attribute that is empty.
        for (attribute, value) in [("; Path=", &*settings.cookie_path), ("; Domain=", domain)] {
            if !value.is_empty() {
                suffix.extend([attribute, value]);
            }
        }
        if settings.cookie_secure {
            suffix.push_str("; Secure");
        }
        if settings.cookie_http_only {
            suffix.push_str("; HttpOnly");
        }
        suffix.push_str(match settings.cookie_same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        if settings.cookie_partitioned {
            suffix.push_str("; Partitioned");
        }
        Self {
            name: settings.cookie_name.clone(),
            suffix,
        }
    }

    /// The value of a `Set-Cookie` whose cookie has a value of about `value_len` bytes.
    pub(super) fn with_value(
        &self,
        value_len: usize,
        push_value: impl FnOnce(&mut String),
        max_age: Option<Duration>,
    ) -> String {
        let mut digits = itoa::Buffer::new();
        let max_age = max_age.map(|max_age| {
            let seconds = max_age.as_secs() + u64::from(max_age.subsec_nanos() > 0);
            ["; Max-Age=", digits.format(seconds)]
        });
        let max_age_len = max_age.map_or(0, |parts| parts.iter().map(|part| part.len()).sum());
        let len = self.name.len() + 1 + value_len + self.suffix.len() + max_age_len;
        let mut cookie = String::with_capacity(len);
        cookie.extend([&self.name, "="]);
        push_value(&mut cookie);
        cookie.push_str(&self.suffix);
        cookie.extend(max_age.into_iter().flatten());
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(settings: &Settings) -> String {
        let Attributes { name, suffix } = Attributes::new(settings);
        name + &suffix
    }

    #[test]
    fn defaults_are_the_safe_ones() {
        assert_eq!(
            shown(&Settings::default()),
            "id; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn every_attribute_is_shown() {
        let settings = Settings {
            cookie_name: "__Secure-sid".into(),
            cookie_path: "/app".into(),
            cookie_domain: Some("example.org".into()),
            cookie_http_only: false,
            cookie_same_site: SameSite::Strict,
            ..Settings::default()
        };
        assert_eq!(
            shown(&settings),
            "__Secure-sid; Path=/app; Domain=example.org; Secure; SameSite=Strict"
        );
        let bare = Settings {
            cookie_path: String::new(),
            cookie_domain: Some(String::new()),
            cookie_secure: false,
            cookie_http_only: false,
            ..Settings::default()
        };
        assert_eq!(shown(&bare), "id; SameSite=Lax");
        let for_other_sites = Settings {
            cookie_same_site: SameSite::None,
            cookie_partitioned: true,
            ..Settings::default()
        };
        assert_eq!(
            shown(&for_other_sites),
            "id; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
        );
    }
}
