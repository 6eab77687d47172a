//! Security: the requirements of OWASP ASVS 5.0 on sessions and cookies, the threats, and how each is met.
//!
//! Read this page for a review of your application. The first part lists every requirement of chapter V7 (session
//! management) and of section V3.3 (cookies), at all levels, and 3.5.1 (forged requests): the setting or call that meets
//! it, and tests that show it. The second part lists attackers and what stops them.
//!
//! *Application* means that the application has to meet the requirement, because no session library can. Run a test of the
//! repository by its name: `cargo xtask test ids_and_secrets_differ`. `cargo xtask ci` checks that the tests exist, and that
//! no requirement is missing.
//!
//! A new application begins with `SessionMiddleware::strict`, which has the stricter value of each setting that has one:
//! see [`Settings::strict`]. `SECURITY.md` in the repository says how to report a vulnerability.
//!
//! # V7.1 Documentation
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.1.1 | idle timeout and absolute lifetime are documented and justified | [`how_long_sessions_live`] has the settings and their defaults; [NIST SP 800-63B](https://pages.nist.gov/800-63-4/sp800-63b.html) has limits for comparison | *Application* |
//! | 7.1.2 | how many parallel sessions an account may have, and what happens at the limit, is documented | [`session_limit`] enforces it | *Application* |
//! | 7.1.3 | systems that federate sessions are documented, with the control of their lifetimes | – | *Application* |
//!
//! # V7.2 Fundamentals
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.2.1 | a trusted backend verifies tokens | the server opens the sealed cookie, and checks the secret and the lifetime of the session | `only_the_name_and_key_that_sealed_it_open_it`, `every_changed_byte_and_every_truncation_is_noticed` |
//! | 7.2.2 | tokens are generated dynamically | each session and each renewal has a new secret | `ids_and_secrets_differ`, `a_renewal_ends_every_other_secret` |
//! | 7.2.3 | reference tokens are unique, have at least 128 bits, and come from a CSPRNG | an id and a secret of 128 random bits each, from a generator that the operating system seeds; a store never overwrites a session | `ids_and_secrets_differ`, `a_create_never_overwrites` |
//! | 7.2.4 | authentication, also a repeated one, generates a new token and ends the current one | [`Session::sign_in`] and [`Session::reauthenticate`]; with `CookieSessionStore`, the current one ends only with a list: see 7.4.1 | `a_sign_in_keeps_the_values_and_replaces_the_key`, `sensitive_pages_ask_for_a_recent_authentication` |
//!
//! The token can also be replaced regularly: [`timed_rotation`].
//!
//! # V7.3 Timeouts
//!
//! The server checks both timeouts, also of sessions in the cookie.
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.3.1 | an idle timeout | [`Settings::lifecycle`]: one day by default; exact with a [`touch_fraction`] of 0 | `idle_time_counts_from_the_last_touch`, `without_a_touch_fraction_idle_timeouts_are_exact` |
//! | 7.3.2 | an absolute lifetime | [`Settings::absolute_timeout`], from the sign-in: one day in strict settings, off by default | `absolute_time_of_a_signed_in_session_counts_from_the_sign_in`, `a_strict_session_ends_after_a_day` |
//!
//! # V7.4 Ending
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.4.1 | after sign-out or expiry, nothing resumes the session, the browser's back button included | [`Session::sign_out`]; an ended session is never restored; [`Caching::NoStoreSignedIn`] for the back button. With `CookieSessionStore`, only if it has a [`RevocationList`] | `signing_out_wins_over_what_is_under_way`, `expired_records_are_not_served_before_they_are_deleted`, `no_cache_stores_the_strict_pages_of_a_signed_in_user` |
//! | 7.4.2 | all sessions end when an account is disabled or deleted | [`Sessions::end_all`], which the application calls | `ending_all_leaves_nothing_of_what_was_in_flight`, `a_sign_in_that_began_before_all_sessions_were_ended_is_refused` |
//! | 7.4.3 | users can end their other sessions when an authentication factor changes | [`Sessions::end_others`] | `ending_all_others_keeps_the_own_session`, `to_end_all_other_sessions_needs_a_recent_login` |
//! | 7.4.4 | every page that requires authentication offers sign-out | – | *Application* |
//! | 7.4.5 | administrators can end the sessions of one user or of all users | [`Sessions::end_all`], [`Sessions::end_everything`] | `ending_all_leaves_nothing_of_what_was_in_flight`, `everything_of_everyone_ends` |
//!
//! # V7.5 Abuse of sessions
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.5.1 | users authenticate again before they change sensitive attributes of the account | `extract::RecentlyAuthenticated`, [`Session::require_recent_authentication`] | `sensitive_pages_ask_for_a_recent_authentication` |
//! | 7.5.2 | users see their sessions and, authenticated again, can end any of them | [`Sessions::list`], [`Sessions::end`], with the extractor of 7.5.1 | `a_user_sees_and_ends_the_sessions_of_all_devices`, `to_end_all_other_sessions_needs_a_recent_login` |
//! | 7.5.3 | further authentication before highly sensitive operations | as 7.5.1, with a short [`recent_authentication`]; a second factor is up to the application | `sensitive_pages_ask_for_a_recent_authentication` |
//!
//! # V7.6 Federation
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.6.1 | sessions of relying parties and identity providers end as documented | [`Sessions::end_by_label`] for back-channel logout; [`Session::set_persistence`] for the provider's maximum lifetime. The application connects them to the provider | `sessions_are_found_by_their_lookup_label`, `a_lifetime_of_its_own_replaces_the_settings` |
//! | 7.6.2 | a session begins only with consent or an explicit action of the user | a user is signed in only by [`Session::sign_in`], which the application calls | *Application* |
//!
//! # V3.3 Cookies
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 3.3.1 | `Secure`, and `__Secure-` where `__Host-` is not used | `Secure` by default. Strict settings name the cookie `__Host-id`; the default name is `id`, so that the cookies of existing applications stay valid | `defaults_are_the_safe_ones`, `strict_settings_are_those_of_their_documentation` |
//! | 3.3.2 | `SameSite` according to the purpose of the cookie | `Lax` by default; `None` without `Secure` is refused | `defaults_are_the_safe_ones`, `a_cookie_for_other_sites_is_secure` |
//! | 3.3.3 | `__Host-` unless the cookie is shared with other hosts | strict settings; attributes that contradict the prefix are an error when the middleware is built | `strict_settings_are_those_of_their_documentation`, `prefixes_keep_their_promise` |
//! | 3.3.4 | `HttpOnly`, and the token is in no other part of a response | by default; the API has no text form of a session key | `defaults_are_the_safe_ones`, `debug_shows_no_secret` |
//! | 3.3.5 | name and value have at most 4096 bytes | a longer cookie is a typed error and is not sent; the attributes count as well | `the_size_is_that_of_what_is_sent`, `a_state_that_no_cookie_can_carry_is_refused` |
//!
//! [`Settings::allow_plain_http`] is for development: it removes `Secure` and what browsers refuse without it, and
//! logs a warning.
//!
//! # V3.5 Separation of origins
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 3.5.1 | requests to sensitive functions come from the application itself | `extract::CsrfGuard`: `Sec-Fetch-Site`, `Origin`, and a token of the session. The application puts it around its routes, and [`Session::csrf_field`] into its forms | `a_browser_tells_which_page_sent_a_form`, `a_token_is_needed_even_from_the_same_origin_unless_the_application_trusts_the_header` |
//!
//! # The threat model
//!
//! Sessile protects the values of a session, and the right to act as its user. It trusts the process of the application,
//! the servers of the store, and the holder of the sealing key.
//!
//! | the attacker | is stopped by | remains |
//! | --- | --- | --- |
//! | guesses or alters a cookie | the seal, and 128 bits of secret that are compared in constant time | – |
//! | sends many or huge cookies, headers and forms | bounds on each of them; at most three sessions are loaded to open one, and a sign-out ends at most 16; no input causes a server error | a flood of requests: [`anonymous_floods`] |
//! | plants a session in a victim's browser (fixation) | the new secret of each sign-in; if a request has the cookie of a planted guest session and that of the victim's signed-in session, the latter is used | until the victim signs in, the attacker can read and end the planted guest session, and end it for the grace period after that. With planted cookies of their own signed-in sessions, attackers can hide the session of a signed-in victim, so that it seems to be empty, and let another victim act in their account; browsers accept no planted cookie with the `__Host-` name of the strict settings |
//! | has copied a cookie | timeouts, [`timed_rotation`], the list of devices, [`Sessions::end_all`] | until one of them takes effect, the copy is as good as the original |
//! | runs a script in a page of the application (XSS) | `HttpOnly`: the script cannot read the cookie | the script sends requests as the user |
//! | lures the victim to another site (CSRF) | `SameSite=Lax`, `extract::CsrfGuard` | `GET` requests with effects; the guard checks the origin of a WebSocket |
//! | is another user of the application | [`Sessions::end`] and [`Sessions::get`] need the subject and the id: the session of another user is not found | – |
//! | shares a cache with the victim | `Vary`, `private` and `no-store`, see [`cookies_and_proxies`] | an application that sets [`caching`] to `Unchanged` |
//! | reads the network | `Secure` and TLS to the store, if it is used | – |
//! | reads the store or a backup | the record has digests of secrets, so it opens no session | values are plain text |
//! | writes to the store | nothing: it can create a session of any user. Restrict this access like the access to the table of users | – |
//! | knows the sealing key | sessions on a server need their secret as well. [`replacing_keys`] replaces the key | with `CookieSessionStore`, or while cookies of actix-session are accepted, the key forges sessions |
//! | reads logs, metrics or errors | they have ids, which are not secret, and never secrets, cookies or values | – |
//! | disconnects, repeats and reorders requests | compare-and-swap in the store, and the rules of [`concurrent_requests`] | – |
//!
//! # Caches and the browser's storage
//!
//! A response that used its session is `private` and has `Vary: Cookie`, so that no cache between the browser and the
//! server serves it to another visitor (behind nginx and Apache httpd: `tests/proxies`).
//! [`Caching::NoStoreSignedIn`] also keeps the pages of users who have signed in with [`Session::sign_in`] out of the
//! browser's cache (ASVS 14.3.2). With [`Settings::clear_site_data`], signing out makes the browser clear its cache and
//! storage (ASVS 14.3.1). Both are part of the strict settings.
//!
//! # Secrets
//!
//! - Session cookies are sealed with keys that are derived from the application's key (HKDF-SHA256). They are
//!   encrypted with AES-128-GCM-SIV, or signed with HMAC-SHA256. Neither the application's other cookies nor a
//!   repeated nonce endangers them.
//! - The sealing key can be replaced while the servers run: see [`replacing_keys`]. A key file that other users can
//!   read is an error.
//! - Session keys, sealing keys and `Set-Cookie` headers have a redacted `Debug` and no `Display`.
//! - Errors and log lines have the name of a value and the expected type, but never the value:
//!
//! ```
//! use sessile::Session;
//!
//! let session = Session::new();
//! session.insert("card", "4111 1111")?;
//! assert!(!format!("{session:?}").contains("4111"));
//! let error = session.get::<u32>("card").unwrap_err();
//! assert!(!format!("{error} {error:?}").contains("4111"));
//! # Ok::<(), sessile::SessionInsertError>(())
//! ```
//!
//! # Remaining risks
//!
//! - Cookies of actix-session are accepted unless [`accept_actix_session_cookies`] is `false`. A state in such a
//!   cookie does not expire, and a signed cookie is not bound to its name. See [`migrating_from_actix_session`].
//! - A session that actix-session stored in Redis is stored under its key, which is a secret, until it is renewed.
//! - A generator in the process, which the operating system seeds, creates ids and secrets. Copies of a running virtual
//!   machine create the same ids and secrets until the generator is seeded again. Restart the application in each copy.
//! - `CookieSessionStore` without a [`RevocationList`] can't end a session: a copy of the cookie is valid until it
//!   expires. Use a list, or a store on the server, for any site with sign-in. With the list, a server can serve an
//!   ended session for up to its `max_staleness`.
//! - A response that was sent before a sign-in and arrives after it restores the former cookie. This cookie opens
//!   nothing, so the user has to sign in again.
//!
//! [`Caching::NoStoreSignedIn`]: crate::config::Caching::NoStoreSignedIn
//! [`RevocationList`]: crate::storage::RevocationList
//! [`Session::csrf_field`]: crate::Session::csrf_field
//! [`Session::reauthenticate`]: crate::Session::reauthenticate
//! [`Session::require_recent_authentication`]: crate::Session::require_recent_authentication
//! [`Session::set_persistence`]: crate::Session::set_persistence
//! [`Session::sign_in`]: crate::Session::sign_in
//! [`Session::sign_out`]: crate::Session::sign_out
//! [`Sessions::end_all`]: crate::Sessions::end_all
//! [`Sessions::end_by_label`]: crate::Sessions::end_by_label
//! [`Sessions::end_everything`]: crate::Sessions::end_everything
//! [`Sessions::end_others`]: crate::Sessions::end_others
//! [`Sessions::end`]: crate::Sessions::end
//! [`Sessions::get`]: crate::Sessions::get
//! [`Sessions::list`]: crate::Sessions::list
//! [`Settings::absolute_timeout`]: crate::config::Settings::absolute_timeout
//! [`Settings::allow_plain_http`]: crate::config::Settings::allow_plain_http
//! [`Settings::clear_site_data`]: crate::config::Settings::clear_site_data
//! [`Settings::lifecycle`]: crate::config::Settings::lifecycle
//! [`Settings::strict`]: crate::config::Settings::strict
//! [`accept_actix_session_cookies`]: crate::config::Settings::accept_actix_session_cookies
//! [`anonymous_floods`]: crate::guide::anonymous_floods
//! [`caching`]: crate::config::Settings::caching
//! [`concurrent_requests`]: crate::guide::concurrent_requests
//! [`cookies_and_proxies`]: crate::guide::cookies_and_proxies
//! [`how_long_sessions_live`]: crate::guide::how_long_sessions_live
//! [`migrating_from_actix_session`]: crate::guide::migrating_from_actix_session
//! [`recent_authentication`]: crate::config::Settings::recent_authentication
//! [`replacing_keys`]: crate::guide::replacing_keys
//! [`session_limit`]: crate::SessionMiddlewareBuilder::session_limit
//! [`timed_rotation`]: crate::guide::timed_rotation
//! [`touch_fraction`]: crate::config::Settings::touch_fraction
