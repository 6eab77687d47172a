//! The cookie's name and attributes, formatted once, when the middleware is built.

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
        Self {
            name: settings.cookie_name.clone(),
            suffix,
        }
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
            ..Settings::default()
        };
        assert_eq!(
            shown(&for_other_sites),
            "id; Path=/; Secure; HttpOnly; SameSite=None"
        );
    }
}
