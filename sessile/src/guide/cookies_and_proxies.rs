//! Cookies, caches and proxies between the browser and the application.
//!
//! Read this page when you choose the cookie's settings, when a cache or a proxy stands before the application, or
//! when a request has several session middlewares.
//!
//! # Choosing the cookie
//!
//! The defaults are a cookie called `id` with `Path=/`, `Secure`, `HttpOnly` and `SameSite=Lax`. They keep existing
//! sessions of actix-session. A new application begins with [`SessionMiddleware::strict`] instead, whose cookie is
//! called `__Host-id`: browsers accept it only from this host, over TLS, for all paths. [`Settings::strict`] lists the
//! other differences. `SameSite=Strict` is safer still. But a request that another site redirects back, as an identity
//! provider does, has no cookie, so it does not find the session:
//!
//! ```
//! use actix_web::cookie::{Key, SameSite};
//! use sessile::{SessionMiddleware, storage::MemorySessionStore};
//!
//! let sessions = SessionMiddleware::strict(MemorySessionStore::default(), Key::generate())
//!     // Browsers do not send it with requests from other sites, not even with a link.
//!     .cookie_same_site(SameSite::Strict)
//!     // On the developer's machine, there is no TLS.
//!     .allow_plain_http(cfg!(debug_assertions))
//!     .try_build();
//! assert!(sessions.is_ok());
//! ```
//!
//! A page that other sites embed in a frame needs `cookie_same_site(SameSite::None)` and [`cookie_partitioned`]. Each of
//! these sites then has its own session. Browsers accept such a cookie over TLS only. With `allow_plain_http`, it has
//! `SameSite=Lax` and no `Partitioned`, so the page has a session only outside of the frame.
//!
//! Settings that no browser accepts are an error when the middleware is built: a `__Host-` name with a domain, with
//! another path or without `Secure`; `SameSite=None` or `Partitioned` without `Secure`; a name or attribute with an
//! invalid character. An empty domain or path is omitted, because browsers ignore it.
//!
//! ```
//! # use actix_web::cookie::{Key, SameSite};
//! # use sessile::{SessionMiddleware, storage::MemorySessionStore};
//! # let builder = || SessionMiddleware::builder(MemorySessionStore::default(), Key::generate());
//! let refused = builder().cookie_same_site(SameSite::None).cookie_secure(false).try_build();
//! assert!(refused.is_err());
//! let accepted = builder().cookie_domain(Some(String::new())).try_build();
//! assert!(accepted.is_ok());
//! ```
//!
//! # When a response sets the cookie
//!
//! | the response | `Set-Cookie` |
//! | --- | --- |
//! | of a request that created or renewed the session | the new cookie |
//! | of one that changed it | the cookie with its full `Max-Age`, if it has one; always, if the session is in the cookie |
//! | of one that only read it | none; under [`OnEveryRequest`], the cookie again, with its full `Max-Age` if it has one |
//! | to a request with a cookie that actix-session sealed, or [a key other than the first](super::replacing_keys) | the cookie, sealed again, unless it would have more than 4096 bytes |
//! | of one that purged it | a removal cookie: the same name and attributes, no value, `Max-Age=0` and an `Expires` in the past |
//!
//! A response that arrives late could replace a newer cookie. So, except under `OnEveryRequest`, a cookie without a
//! `Max-Age` is sent again only if its key changes. For the same reason, an unchanged cookie is withheld if another
//! request has renewed the session. `Max-Age` is at most 400 days, the longest that browsers keep a cookie (RFC
//! 6265bis, section 5.5).
//!
//! If the handler sets a cookie of the same name itself, the middleware's cookie follows it, and browsers keep the last
//! one. If the session has no cookie to set, the handler's cookie replaces the session's.
//!
//! # Invalid and repeated cookies
//!
//! No cookie makes a request fail.
//!
//! | the request has | the session |
//! | --- | --- |
//! | a cookie that fails verification, is too long or is not text | a new one, which is empty |
//! | a cookie whose session has ended or does not exist | a new one, which is empty |
//! | several cookies of the name, of which one verifies | the session of that cookie |
//! | several cookies of one session | that session: the newest secret counts or, if the session is in the cookie, the latest change |
//! | cookies of several live sessions | the only one whose record has a subject; otherwise a new one, and the first such request is logged as a warning |
//!
//! Browsers send several cookies of one name after a path or a domain was changed, or if an application on a parent
//! domain has a cookie of that name. At most three sessions are loaded, those with a subject first, and then those
//! whose cookies were issued last. A [`purge`] ends the sessions of all cookies that verify, up to 16.
//!
//! Cookies are found in one or several `Cookie` headers, with or without quotes and percent-encoding, because
//! browsers, old clients and HTTP/2 differ in this.
//!
//! # A header instead of a cookie
//!
//! Clients of an API often keep no cookies. With [`session_header`], a header takes the cookie's place:
//!
//! ```
//! use actix_web::cookie::Key;
//! use sessile::{SessionMiddleware, storage::MemorySessionStore};
//!
//! let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
//!     .session_header(Some("X-Session".to_owned()))
//!     .build();
//! # let _ = sessions;
//! ```
//!
//! | | in a cookie | in a header |
//! | --- | --- | --- |
//! | a new or renewed session | `Set-Cookie: id=…; Path=/; …` | `X-Session: …`: the client stores the value and sends it |
//! | an ended session | a removal cookie | `X-Session:` with an empty value: the client deletes what it has stored |
//! | lifetime | the server's, and `Max-Age` | the server's |
//! | caches | `Vary: Cookie` | `Vary: X-Session` |
//! | forged requests from other sites | `SameSite`, and a CSRF token | impossible: a browser does not add the header by itself |
//! | scripts of the page | can't read it (`HttpOnly`) | can read it. Don't use a header for pages in a browser |
//!
//! Such a middleware ignores cookies: if a request has both, the header counts. A value of a cookie is not accepted in
//! the header, nor one of the header in a cookie. Cookies of actix-session are not accepted. The value has the same
//! maximum length as a cookie. If scripts of other origins use the API, the application's CORS middleware has to allow
//! the header and to expose it (`Access-Control-Allow-Headers` and `Access-Control-Expose-Headers`).
//!
//! For an application with pages and an API, put one middleware around each, as [`examples/site_and_api.rs`] does.
//!
//! [`examples/site_and_api.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/site_and_api.rs
//!
//! # The sealing key
//!
//! [`replacing_keys`](super::replacing_keys) shows where to keep the key, and how to replace it.
//!
//! Cookies are sealed with keys that are derived from the application's key. So the application can seal other
//! cookies with its key: none of them is accepted as a session, even if a visitor chooses its content. Cookies of
//! actix-session are an exception, as long as [`accept_actix_session_cookies`] is on.
//!
//! # Caches
//!
//! A cache between the browser and the application must not give one visitor's page to another visitor. A response
//! depends on its session in these cases:
//!
//! - The handler, a guard or inner middleware read or changed the session.
//! - Something, such as a stream, still holds a [`Session`](crate::Session) when the handler is done.
//! - The response sets the cookie.
//!
//! The middleware makes such a response private:
//!
//! - It gets `Vary: Cookie`, or `Vary` with the name of the [header](#a-header-instead-of-a-cookie).
//! - Its `Cache-Control` gets `private`. If it sets the cookie, `no-cache="Set-Cookie"` as well. Other directives of
//!   the handler, such as `max-age`, are kept for the browser's own cache.
//! - Everything that lets a shared cache store it is removed: `public` and `s-maxage`, and the headers
//!   `CDN-Cache-Control` and its like (RFC 9213), `Surrogate-Control`, `X-Accel-Expires`, `Edge-Control` and
//!   `X-LiteSpeed-Cache-Control`.
//!
//! ```
//! use actix_web::{App, HttpResponse, cookie::Key, web};
//! use sessile::{Session, SessionMiddleware, storage::MemorySessionStore};
//!
//! fn cached() -> HttpResponse {
//!     HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=3600")).finish()
//! }
//!
//! async fn logo() -> HttpResponse {
//!     cached()
//! }
//!
//! async fn page(session: Session) -> HttpResponse {
//!     let _user = session.get::<String>("user");
//!     cached()
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! let app = App::new()
//!     .wrap(sessions)
//!     .route("/logo", web::get().to(logo))
//!     .route("/page", web::get().to(page));
//! # use actix_web::test::{TestRequest, call_service, init_service};
//! # let app = init_service(app).await;
//! # let get = async |path| {
//! #     let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
//! #     let headers = response.headers();
//! #     let vary = headers.get("Vary").map(|it| it.to_str().unwrap().to_owned());
//! #     (headers.get("Cache-Control").unwrap().to_str().unwrap().to_owned(), vary)
//! # };
//!
//! let (cache_control, vary) = get("/logo").await;
//! assert_eq!((&*cache_control, vary), ("public, max-age=3600", None));
//! let (cache_control, vary) = get("/page").await;
//! assert_eq!((&*cache_control, vary.as_deref()), ("max-age=3600, private", Some("Cookie")));
//! # });
//! ```
//!
//! A response whose session was not used stays as it is, so public pages remain cacheable inside the middleware.
//! Failures of the session (409, 500 and 503) are `no-store`.
//!
//! The middleware sets the headers when the handler is done. Code that reads the session later does not change them:
//! outer middleware that changes the page, and a body that holds the `HttpRequest` and gets the session from it. In
//! both cases, read the session earlier, or set `Cache-Control: private` yourself.
//!
//! The setting [`caching`] changes this:
//!
//! - [`NoStoreSignedIn`] also keeps the pages of users who have signed in with [`sign_in`] out of the browser's cache.
//! - [`Unchanged`] leaves all of these headers to the application. It has to set them on every page that depends on a
//!   session, or a cache with a default lifetime serves one visitor's page to the next visitor.
//!
//! # Behind nginx, Apache, or a CDN
//!
//! The tests run the middleware behind nginx and Apache httpd with their caches on, with 22 forms of `Cache-Control`
//! that a handler may set. The headers are enough, as long as the cache obeys them. These settings make a cache
//! ignore them, and serve sessions to other visitors:
//!
//! | cache | do not use with sessions |
//! | --- | --- |
//! | nginx | `proxy_ignore_headers` with `Cache-Control`, `Set-Cookie`, `Vary` or `X-Accel-Expires` |
//! | Apache httpd | `CacheIgnoreCacheControl On`, `CacheStorePrivate On`, `CacheIgnoreHeaders` without `Set-Cookie` |
//! | a CDN | rules that cache "everything", or that remove `Vary` or cookies |
//!
//! Further notes:
//!
//! - **TLS that ends at the proxy** needs no setting here. The cookie is `Secure`, and the browser's connection is
//!   encrypted.
//! - **Large cookies.** A cookie that contains the session may have 4096 bytes. nginx reads a response's headers into
//!   one buffer of 4 or 8 KB, and answers 502 if they do not fit: set `proxy_buffer_size 8k`, or
//!   `proxy_buffer_size 16k` together with `proxy_buffers 8 16k`. For requests, the defaults of nginx (`large_client_header_buffers`) and
//!   Apache (`LimitRequestFieldSize`) are enough.
//! - **The cookie's path** must be the one that the browser sees. If the proxy removes a prefix from the path, set
//!   [`cookie_path`] to that prefix, or keep `/`.
//!
//! # Several session middlewares
//!
//! | in one request | what happens |
//! | --- | --- |
//! | the same middleware twice, for example around the `App` and around a scope | the session that the outer one opened is used, and stored once |
//! | two instances with one cookie name, one key, and stores of one type | the same: the store and the settings of the inner one are not used |
//! | two middlewares with different cookie names, one of them with a [`marker`] | two sessions: a handler takes the first as [`Session`](crate::Session), and the marked one as [`SessionOf`] |
//! | two middlewares with different cookie names and the same marker, or none | two sessions: code inside the inner one sees its session, and all other code sees the outer one, before and after |
//! | two middlewares with one cookie name and different stores or keys | two sessions whose cookies replace each other: a warning is logged |
//! | outer middleware that gets the session first | its handle has an empty session until the request reaches the session middleware. It then becomes the request's session, and keeps the changes that were made |
//! | no session middleware | the session is empty and is not stored: the first change logs a warning |
//!
//! For example, a shop has customers and administrators, and a person can be both:
//!
//! ```
//! use actix_web::{App, cookie::Key, web};
//! use sessile::{Session, SessionMiddleware, extract::SessionOf, storage::MemorySessionStore};
//!
//! struct Admin;
//!
//! async fn page(customer: Session, admin: SessionOf<Admin>) -> actix_web::Result<String> {
//!     let (customer, admin) = (customer.get::<String>("name")?, admin.get::<String>("name")?);
//!     Ok(format!("{customer:?} {admin:?}"))
//! }
//!
//! let key = Key::generate();
//! let customers = SessionMiddleware::strict(MemorySessionStore::default(), key.clone()).build();
//! let admins = SessionMiddleware::strict(MemorySessionStore::default(), key)
//!     .cookie_name("__Host-admin".to_owned())
//!     .marker::<Admin>()
//!     .build();
//! let app = App::new().wrap(admins).wrap(customers).route("/", web::get().to(page));
//! # let _ = app;
//! ```
//!
//! Outer middleware can get a handle before the request reaches the session middleware. At that time the values are not
//! loaded. So `insert` and `update_or` through this handle take effect, and `remove` and `update` do not. If possible,
//! make the session middleware the outermost one: register it with the last `wrap`. For example, it comes after the
//! middleware of `actix-identity`, whose deadlines need an open session.
//!
//! [`NoStoreSignedIn`]: crate::config::Caching::NoStoreSignedIn
//! [`OnEveryRequest`]: crate::config::TtlExtensionPolicy::OnEveryRequest
//! [`Unchanged`]: crate::config::Caching::Unchanged
//! [`accept_actix_session_cookies`]: crate::config::Settings::accept_actix_session_cookies
//! [`caching`]: crate::config::Settings::caching
//! [`cookie_partitioned`]: crate::config::Settings::cookie_partitioned
//! [`cookie_path`]: crate::config::Settings::cookie_path
//! [`marker`]: crate::SessionMiddlewareBuilder::marker
//! [`purge`]: crate::Session::purge
//! [`sign_in`]: crate::Session::sign_in
//! [`session_header`]: crate::config::Settings::session_header
//! [`SessionMiddleware::strict`]: crate::SessionMiddleware::strict
//! [`SessionOf`]: crate::extract::SessionOf
//! [`Settings::strict`]: crate::config::Settings::strict
