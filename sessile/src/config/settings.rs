//! [`Settings`]: everything an application can choose, with the defaults and what they cost.

use std::time::Duration;

use super::{
    AbsoluteTimeoutFrom, Caching, CookieContentSecurity, Loading, SameSite, SessionLifecycle,
    StoreFailurePolicy, SupersededPolicy, cookie, persistence::SHORTEST,
};
use crate::{
    clock::{Clock, SharedClock},
    error::{
        SettingsError,
        status::{HttpStatus, SERVICE_UNAVAILABLE},
    },
};

/// The settings of sessions, with their defaults.
///
/// ```
/// use sessile::config::{SameSite, Settings};
///
/// let mut settings = Settings::default();
/// settings.cookie_name = "__Host-session".to_owned();
/// settings.cookie_same_site = SameSite::Strict;
///
/// assert!(settings.cookie_secure && settings.cookie_http_only);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The cookie's name.
    ///
    /// Default: `id`, which does not reveal the library. A name that begins with `__Host-` is the safest: browsers then
    /// accept the cookie only from this host, over TLS (OWASP ASVS 5.0, 3.3.3).
    pub cookie_name: String,
    /// Whether browsers may send the cookie over TLS only.
    ///
    /// Default: `true`. Without it, an attacker on the network can take over the session (OWASP ASVS 5.0, 3.3.1). For
    /// development over plain HTTP, set [`allow_plain_http`](Self::allow_plain_http).
    pub cookie_secure: bool,
    /// Whether browsers hide the cookie from scripts.
    ///
    /// Default: `true` (OWASP ASVS 5.0, 3.3.4).
    pub cookie_http_only: bool,
    /// Which requests from other sites have the cookie.
    ///
    /// Default: [`SameSite::Lax`] (OWASP ASVS 5.0, 3.3.2). [`SameSite::None`] allows cross-site request forgery unless
    /// the application prevents it. Without `cookie_secure`, it is an error, because browsers ignore such a cookie (RFC
    /// 6265bis, section 5.7).
    pub cookie_same_site: SameSite,
    /// The path below which browsers send the cookie.
    ///
    /// Default: `/`. A path protects nothing: pages on other paths of the host can use the cookie. If it is empty, the
    /// cookie has no `Path`, and browsers use the path of the request up to its last `/` (RFC 6265bis, section 5.1.4).
    pub cookie_path: String,
    /// The domain below which browsers send the cookie, its subdomains included.
    ///
    /// Default: `None`, only the host that set it. With a domain, every subdomain sees the session. An empty
    /// domain is the same as `None`.
    pub cookie_domain: Option<String>,
    /// Whether a page that is embedded in several other sites gets a cookie in each of them (`Partitioned`, CHIPS).
    ///
    /// Default: `false`. Browsers that block third-party cookies accept only such a cookie in a frame. In a frame, it
    /// needs [`SameSite::None`] as well. It is an error without `cookie_secure`, because browsers ignore such a cookie.
    pub cookie_partitioned: bool,
    /// How the content of the cookie is protected.
    ///
    /// Default: [`CookieContentSecurity::Private`].
    pub cookie_content_security: CookieContentSecurity,
    /// A header in place of the cookie, such as `X-Session`, for clients of an API that keep no cookies.
    ///
    /// Default: `None`. With a header, cookies are neither read nor set, and all `cookie_` settings except
    /// [`cookie_content_security`](Self::cookie_content_security) have no effect. A client sends the value of the
    /// latest response that had this header. An empty value means that the session has ended. See
    /// [`guide::cookies_and_proxies`](crate::guide::cookies_and_proxies#a-header-instead-of-a-cookie).
    pub session_header: Option<String>,
    /// Whether cookies work over plain HTTP, for development.
    ///
    /// Default: `false`. With it, the cookie has no `Secure`, and nothing that browsers refuse without `Secure`, whatever
    /// the other settings are: its name has none of the prefixes `__Host-`, `__Host-Http-`, `__Secure-` and `__Http-` (RFC
    /// 6265bis, section 4.1.3), `SameSite=None` becomes `SameSite=Lax` (section 5.7), and `Partitioned` is omitted. So a
    /// page in a frame of another site has no session. An attacker on the network can take over the sessions (OWASP ASVS
    /// 5.0, 3.3.1), so a warning is logged.
    pub allow_plain_http: bool,
    /// How long a session lives, and what extends its life: the idle timeout
    /// (OWASP ASVS 5.0, 7.3.1).
    ///
    /// Default: a browser session whose state is kept for one day after the last change.
    pub lifecycle: SessionLifecycle,
    /// How long after its creation or its sign-in a session ends, however much it is used
    /// (OWASP ASVS 5.0, 7.3.2).
    ///
    /// Default: `None`, never. Updates and renewals don't restart it.
    pub absolute_timeout: Option<Duration>,
    /// The start of the absolute timeout of a signed-in session.
    ///
    /// Default: [`AbsoluteTimeoutFrom::SignIn`]. For a guest, it starts at the creation.
    pub absolute_timeout_from: AbsoluteTimeoutFrom,
    /// How long the sessions of signed-in users live, in place of `lifecycle`.
    ///
    /// Default: `None`, as long as those of guests.
    pub signed_in_lifecycle: Option<SessionLifecycle>,
    /// The absolute timeout of the sessions of signed-in users, in place of `absolute_timeout`.
    ///
    /// Default: `None`, that of guests.
    pub signed_in_absolute_timeout: Option<Duration>,
    /// The longest idle and absolute timeout that [`Session::set_persistence`](crate::Session::set_persistence) can
    /// give a session.
    ///
    /// Default: 400 days, which is also the maximum. A shorter one also applies to stored sessions with a longer
    /// lifetime.
    pub max_persistence: Duration,
    /// The maximum age of an authentication for an action that needs a recent one: see
    /// [`Session::require_recent_authentication`](crate::Session::require_recent_authentication).
    ///
    /// Default: 10 minutes.
    pub recent_authentication: Duration,
    /// The part of the idle timeout that has to pass before a request that only reads extends the session again. It has
    /// an effect only under [`OnEveryRequest`](crate::config::TtlExtensionPolicy::OnEveryRequest).
    ///
    /// Default: 0.05. A number from 0 to 1. A session in use never ends early because of it. An unused session may end
    /// later by this part. With 0, idle timeouts are exact, and each request writes to the store.
    pub touch_fraction: f64,
    /// When a request's session is loaded.
    ///
    /// Default: [`Loading::Eager`]. With [`Loading::Lazy`], requests that don't use
    /// their session need no round trip, and middleware has to load the session before it uses it.
    pub loading: Loading,
    /// How long a request waits for the store, each time that it loads or stores its session. Most requests
    /// do so once before the handler and once after it.
    ///
    /// Default: one second.
    pub store_timeout: Duration,
    /// The response to a request when the store can't be reached or doesn't answer in time.
    ///
    /// Default: an opaque 503.
    pub on_store_failure: StoreFailurePolicy,
    /// The maximum size of a state in bytes: its names and the JSON text of its values.
    ///
    /// Default: 1 MiB. Every request that uses the session transfers all of it.
    pub max_state_bytes: usize,
    /// The response if the changes of a request were not stored because another request had renewed or ended
    /// the session.
    ///
    /// Default: [`SupersededPolicy::Refuse`]: the response is 409 unless the request's method is safe.
    pub on_superseded: SupersededPolicy,
    /// How long the session remembers the secret that a renewal replaced. A request that presents this secret within
    /// the time was probably in flight during the renewal, so its changes are refused with 409. After that time, such a
    /// request gets a new, empty session.
    ///
    /// Default: 30 seconds.
    pub renewal_grace: Duration,
    /// How far the clocks of the application's servers may differ. It is added to the grace period, and an authentication that
    /// is further in the future is not recent.
    ///
    /// Default: 30 seconds.
    pub clock_allowance: Duration,
    /// The interval of timed rotation: after it, a new secret replaces the one in the cookie. A copy of a cookie then
    /// opens the session only until the browser has sent its newer cookie.
    ///
    /// Default: `None`, only renewals replace it. Each rotation costs up to three writes, and a cookie in each response
    /// until the browser sends it back. A lost response signs no user out. The page
    /// [`guide::timed_rotation`](crate::guide::timed_rotation) has the details.
    ///
    /// The interval has to be at least twice the [grace period](Self::renewal_grace) with the
    /// [allowance](Self::clock_allowance). With `CookieSessionStore`, which keeps no secrets, it is an error. Sessions
    /// in a store that was written for actix-session are not rotated.
    pub rotation_interval: Option<Duration>,
    /// The cache headers of responses that depend on a session.
    ///
    /// Default: [`Caching::Private`], which lets only the browser store them.
    pub caching: Caching,
    /// Whether a response that ends the session makes the browser clear the site's cache and storage
    /// (`Clear-Site-Data: "cache", "storage"`; OWASP ASVS 5.0, 14.3.1).
    ///
    /// Default: `false`. It deletes what any application of this origin has stored in the browser, except cookies, and
    /// may delay the response's page by seconds. A handler's own `Clear-Site-Data` is kept. Browsers ignore the header over
    /// plain HTTP.
    pub clear_site_data: bool,
    /// Whether cookies that actix-session sealed with the same key and name are accepted.
    ///
    /// Default: `true`, so that no user is signed out when this crate replaces actix-session. The browser gets such a
    /// cookie sealed again with the first response. Turn it off after the longest lifetime of such a session, for two
    /// reasons:
    ///
    /// - A session that actix-session stored in the cookie never expires. The new cookie has an expiry, but a copy of
    ///   the old cookie is accepted for as long as this setting is on and the key is in use.
    /// - Under [`Signed`](CookieContentSecurity::Signed), actix-session did not bind the cookie to its name. If the
    ///   application signed a value for another cookie with the same key, and the value has the form of a session, that
    ///   value is accepted as a session.
    ///
    /// Cookies that this crate sealed have neither problem, because they are sealed with keys of their own.
    pub accept_actix_session_cookies: bool,
    pub(crate) clock: SharedClock,
}

impl Settings {
    /// Strict settings, for new applications. [`Settings::default`] is for applications that replace actix-session.
    ///
    /// | setting | value | reason |
    /// | --- | --- | --- |
    /// | [`cookie_name`](Self::cookie_name) | `__Host-id` | no other host can set the cookie (RFC 6265bis, section 4.1.3.2; OWASP ASVS 5.0, 3.3.3) |
    /// | [`accept_actix_session_cookies`](Self::accept_actix_session_cookies) | `false` | such a cookie may never expire (ASVS 7.3.2) |
    /// | [`absolute_timeout`](Self::absolute_timeout) | one day | the lifetime is limited (ASVS 7.3.2); NIST SP 800-63B has this limit for its level AAL2 |
    /// | [`caching`](Self::caching) | [`Caching::NoStoreSignedIn`] | no cache keeps pages of signed-in users (ASVS 14.3.2) |
    /// | [`clear_site_data`](Self::clear_site_data) | `true` | signing out clears the browser's storage (ASVS 14.3.1) |
    ///
    /// All others have their defaults.
    ///
    /// ```
    /// use sessile::config::{Caching, Settings};
    ///
    /// let settings = Settings::strict();
    /// assert_eq!(settings.cookie_name, "__Host-id");
    /// assert_eq!(settings.caching, Caching::NoStoreSignedIn);
    /// assert!(!settings.accept_actix_session_cookies);
    /// ```
    #[must_use]
    pub fn strict() -> Self {
        Self {
            cookie_name: "__Host-id".to_owned(),
            accept_actix_session_cookies: false,
            absolute_timeout: Some(Duration::from_secs(24 * 3600)),
            caching: Caching::NoStoreSignedIn,
            clear_site_data: true,
            ..Self::default()
        }
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// The settings after the changes of [`allow_plain_http`](Self::allow_plain_http).
    pub(crate) fn in_effect(mut self) -> Self {
        if self.allow_plain_http {
            self.cookie_secure = false;
            self.cookie_name = cookie::without_prefix(&self.cookie_name).to_owned();
            self.cookie_partitioned = false;
            if self.cookie_same_site == SameSite::None {
                self.cookie_same_site = SameSite::Lax;
            }
        }
        self
    }

    /// Checks what the types do not.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        cookie::check(self)?;
        let lifecycles = [Some(&self.lifecycle), self.signed_in_lifecycle.as_ref()];
        let ttls = lifecycles.into_iter().flatten().map(SessionLifecycle::ttl);
        let ttls = ttls.map(|ttl| ("time to live", ttl.whole_milliseconds() > 0));
        let durations = [
            ("absolute timeout", self.absolute_timeout),
            ("absolute timeout", self.signed_in_absolute_timeout),
            ("maximum persistence", Some(self.max_persistence)),
            (
                "age of a recent authentication",
                Some(self.recent_authentication),
            ),
            ("store timeout", Some(self.store_timeout)),
        ];
        let durations = durations.map(|(setting, duration)| {
            let is_long_enough = duration.is_none_or(|it| it >= SHORTEST);
            (setting, is_long_enough)
        });
        for (setting, is_long_enough) in ttls.chain(durations) {
            if !is_long_enough {
                return Err(SettingsError::TooShort { setting });
            }
        }
        if !(0.0..=1.0).contains(&self.touch_fraction) {
            return Err(SettingsError::TouchFraction);
        }
        match self.on_store_failure {
            StoreFailurePolicy::Respond { status } if !(400..=599).contains(&status) => {
                return Err(SettingsError::Status { status });
            }
            StoreFailurePolicy::Respond { .. } | StoreFailurePolicy::ServeEmpty => {}
        }
        let least = self.grace().saturating_mul(2);
        match self.rotation_interval {
            Some(interval) if interval < SHORTEST => Err(SettingsError::TooShort {
                setting: "rotation interval",
            }),
            Some(interval) if interval < least => Err(SettingsError::RotationInterval { least }),
            _ => Ok(()),
        }
    }

    /// The HTTP status of the response to a request that failed with this error.
    pub(crate) fn status_of(&self, error: &impl HttpStatus) -> u16 {
        match error.http_status() {
            SERVICE_UNAVAILABLE => self.on_store_failure.status(),
            status => status,
        }
    }

    /// How long a session remembers a replaced secret: the grace period plus the allowance for clocks. The allowance
    /// also counts in `session/authentication.rs`.
    pub(crate) fn grace(&self) -> Duration {
        self.renewal_grace.saturating_add(self.clock_allowance)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cookie_name: "id".to_owned(),
            cookie_secure: true,
            cookie_http_only: true,
            cookie_same_site: SameSite::Lax,
            cookie_path: "/".to_owned(),
            cookie_domain: None,
            cookie_partitioned: false,
            cookie_content_security: CookieContentSecurity::Private,
            session_header: None,
            allow_plain_http: false,
            lifecycle: SessionLifecycle::default(),
            absolute_timeout: None,
            absolute_timeout_from: AbsoluteTimeoutFrom::default(),
            signed_in_lifecycle: None,
            signed_in_absolute_timeout: None,
            max_persistence: Duration::from_secs(400 * 24 * 3600),
            recent_authentication: Duration::from_secs(600),
            touch_fraction: 0.05,
            loading: Loading::default(),
            store_timeout: Duration::from_secs(1),
            on_store_failure: StoreFailurePolicy::default(),
            max_state_bytes: 1024 * 1024,
            on_superseded: SupersededPolicy::default(),
            renewal_grace: Duration::from_secs(30),
            clock_allowance: Duration::from_secs(30),
            rotation_interval: None,
            caching: Caching::default(),
            clear_site_data: false,
            accept_actix_session_cookies: true,
            clock: SharedClock::default(),
        }
    }
}
