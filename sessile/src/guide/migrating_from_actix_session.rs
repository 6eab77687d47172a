//! Migrating from actix-session: the line to change, every change of code, and what the compiler does not report.
//!
//! Read this page if your application uses actix-session 0.6 to 0.11.
//!
//! # The line to change
//!
//! If a dependency such as `actix-identity` uses actix-session, don't change this line: see
//! [below](#crates-that-depend-on-actix-session). Otherwise, in `Cargo.toml`, name another package for the dependency. The
//! code keeps the name `actix_session`:
//!
//! ```toml
//! # actix-session = { version = "0.11", features = ["cookie-session", "redis-session"] }
//! actix-session = { package = "sessile", version = "0.1", features = ["cookie-session", "redis-session"] }
//! ```
//!
//! Keep the key and the cookie's name, and no user is signed out: sessions that actix-session stored in Redis or in
//! cookies are opened as they are. The first response to such a session seals its cookie again, and the next change
//! stores it in this crate's format.
//!
//! | feature of actix-session | here |
//! | --- | --- |
//! | `cookie-session`, `redis-session`, `redis-session-native-tls`, `redis-session-rustls`, `redis-pool` | the same |
//! | `redis-rs-session`, `redis-rs-tls-session` (0.6 to 0.9) | the same, as aliases of `redis-session` and `redis-session-native-tls` |
//! | `redis-actor-session` (0.6 to 0.9) | the same |
//!
//! Rust 1.89 is required; 1.94 for `mysql-session` and `postgres-pool-sqlx`. `redis-pool` takes a pool of `deadpool-redis` 0.23.
//!
//! # Crates that depend on actix-session
//!
//! `actix-identity` and other crates that depend on actix-session still use actix-session, and see no session:
//! signing in would silently do nothing. Replace the crate for all of them, and leave your own dependency on
//! actix-session as it is. The repository has packages named `actix-session` for that, which contain only this crate:
//! in version 0.11 for `actix-identity` 0.9, and in version 0.10 for `actix-identity` 0.8.
//!
//! ```toml
//! [patch.crates-io]
//! actix-session = { git = "https://github.com/sessile-rs/sessile", version = "0.11" }
//! ```
//!
//! `actix-session/README.md` in the repository shows the other ways: a path, both versions, and this crate beside them.
//!
//! # From actix-identity to this crate
//!
//! This crate signs users in itself, so you can remove `actix-identity` and its middleware. [`signing_in`] shows how.
//!
//! | actix-identity | here |
//! | --- | --- |
//! | `Identity` as an argument of a handler: 401 for guests | [`SignedIn`] |
//! | `Option<Identity>` | `Option<SignedIn>` |
//! | `Identity::login(&request.extensions(), id)` | [`session.sign_in(&id).await`](crate::Session::sign_in) |
//! | `identity.id()` | [`user.subject()`](crate::extract::SignedIn::subject) |
//! | `identity.logout()` with `LogoutBehavior::PurgeSession`, the default | [`session.sign_out()`](crate::Session::sign_out) |
//! | `identity.logout()` with `LogoutBehavior::DeleteIdentityKeys`: the other values stay | read the values that may stay, call [`restart`], and insert them again |
//! | `IdentityExt::get_identity` in middleware | [`get_session`](crate::SessionExt::get_session) and [`require_signed_in`](crate::Session::require_signed_in) |
//! | `login_deadline` | [`signed_in_absolute_timeout`](crate::SessionMiddlewareBuilder::signed_in_absolute_timeout): the session ends at that time, and not only when its user sends the next request |
//! | `visit_deadline` | [`signed_in_lifecycle`](crate::SessionMiddlewareBuilder::signed_in_lifecycle) with [`OnEveryRequest`](crate::config::TtlExtensionPolicy::OnEveryRequest) |
//! | `id_key`, `last_visit_unix_timestamp_key`, `login_unix_timestamp_key` | not needed: the user and the times are not among the values of the session |
//!
//! Users who are signed in with `actix-identity` have its values in their sessions, and are guests for [`SignedIn`].
//! They have to sign in again. To spare them that, sign them in by the value, in middleware or at the start of a
//! handler:
//!
//! ```
//! use sessile::{Session, error::SignInError};
//!
//! async fn take_over(session: &Session) -> Result<(), SignInError> {
//!     const ID_KEY: &str = "actix_identity.user_id";
//!     let Ok(Some(id)) = session.get::<String>(ID_KEY) else { return Ok(()) };
//!     session.remove(ID_KEY);
//!     match session.subject() {
//!         None => session.sign_in(&id).await,
//!         Some(_) => Ok(()),
//!     }
//! }
//! # use sessile::{config::Settings, engine::{SealingKey, SessionManager}, storage::MemorySessionStore};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! # let session = manager.open([]).await?;
//! # session.insert("actix_identity.user_id", "ferris")?;
//! # take_over(&session).await?;
//! # assert_eq!(session.subject().as_deref(), Some("ferris"));
//! # assert!(session.entries().is_empty());
//! # take_over(&session).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Changes of code
//!
//! The compiler reports nearly every place that has to change. It does not report one: **a comparison with a string
//! compiles, and compares the value instead of its JSON text.** Search for such comparisons:
//!
//! | after `insert("n", 2)` and `insert("name", "ferris")` | actix-session | here |
//! | --- | --- | --- |
//! | `session.entries()["n"] == "2"`, `session.remove("n").unwrap() == "2"` | true | false |
//! | `session.entries()["name"] == "\"ferris\""` | true | false |
//! | `session.entries()["name"] == "ferris"` | false | true |
//!
//! The sections below have the other differences. All other code compiles as it is. Don't set
//! `default-features = false`: the middleware is in the default feature `actix`.
//!
//! ## `entries`
//!
//! Versions 0.6 to 0.11 return a guard of a map of JSON texts. Here it returns a copy of the values, and holds no lock.
//!
//! Before:
//!
//! ```
//! # fn before(session: actix_session::Session) -> Result<(), serde_json::Error> {
//! if let Some(text) = session.entries().get("user") {
//!     let user: String = serde_json::from_str(text)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! After:
//!
//! ```
//! # let session = sessile::Session::new();
//! # session.insert("user", "ferris").unwrap();
//! let user: Option<String> = session.get("user")?;
//! assert_eq!(user.as_deref(), Some("ferris"));
//! // Or from the copy, which also has the names:
//! for (name, value) in session.entries() {
//!     assert_eq!((&*name, value.as_str()), ("user", Some("ferris")));
//! }
//! # Ok::<(), sessile::SessionGetError>(())
//! ```
//!
//! ## `remove` and `remove_as`
//!
//! In versions 0.6 to 0.11, `remove` returns the JSON text of the value, and so does the error of `remove_as`. Here
//! both return a [`serde_json::Value`].
//!
//! Before:
//!
//! ```
//! # fn before(session: actix_session::Session) -> Result<(), serde_json::Error> {
//! if let Some(text) = session.remove("visits") {
//!     let visits: u32 = serde_json::from_str(&text)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! After:
//!
//! ```
//! # let session = sessile::Session::new();
//! # session.insert("visits", 3).unwrap();
//! let visits = session.remove_as::<u32>("visits");
//! assert_eq!(visits, Some(Ok(3)));
//! assert_eq!(session.remove("visits"), None);
//! ```
//!
//! ## Closures of `update` and `update_or`
//!
//! Version 0.11 runs a closure once. Here it may run again, on what another request stored in the meantime, so it is
//! `Fn + Send + Sync + 'static`: a closure that borrows or consumes something gets its own copy.
//!
//! Before:
//!
//! ```
//! # fn before(session: actix_session::Session, item: String) -> actix_web::Result<()> {
//! session.update_or("cart", Vec::new(), |mut cart: Vec<String>| {
//!     cart.push(item);
//!     cart
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! After:
//!
//! ```
//! # let (session, item) = (sessile::Session::new(), "crab".to_owned());
//! session.update_or("cart", Vec::new(), move |mut cart: Vec<String>| {
//!     cart.push(item.clone());
//!     cart
//! })?;
//! # Ok::<(), sessile::SessionUpdateError>(())
//! ```
//!
//! ## Errors
//!
//! | in actix-session | here |
//! | --- | --- |
//! | `serde_json::Error` from `get` and `insert` (0.6) | [`SessionGetError`](crate::SessionGetError), [`SessionInsertError`](crate::SessionInsertError) |
//! | `anyhow::Error` from the constructors of the Redis stores | [`StoreError`](crate::storage::StoreError), which has a [`kind`](crate::storage::StoreError::kind) |
//!
//! All of them convert with `?`, into `anyhow::Error` as well as into `actix_web::Error`. Change only functions that
//! name the type in their signature. In actix-session, the errors of `insert`, `get` and `update` can be made from an
//! `anyhow::Error`. Here only the session makes them: a function that fails for other reasons as well returns
//! `actix_web::Error` or `anyhow::Error`.
//!
//! Before, with version 0.6:
//!
//! ```text
//! fn user(session: &Session) -> Result<Option<String>, serde_json::Error> {
//!     session.get("user")
//! }
//! ```
//!
//! After:
//!
//! ```
//! use sessile::{Session, SessionGetError};
//!
//! fn user(session: &Session) -> Result<Option<String>, SessionGetError> {
//!     session.get("user")
//! }
//! # assert_eq!(user(&Session::new()).unwrap(), None);
//! ```
//!
//! ## How long sessions live
//!
//! Nothing has to change: the builder has both `session_length` with [`SessionLength`](crate::SessionLength), as in
//! 0.6, and `session_lifecycle`, as since 0.7.
//!
//! ## Your own store
//!
//! A store that implements actix-session's `SessionStore` keeps all of its sessions: an
//! `Adapter` wraps it. Enable the feature `compat`. In the store, the imports change.
//!
//! Before:
//!
//! ```
//! use actix_session::storage::{
//!     LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
//! };
//! # let _ = generate_session_key;
//! ```
//!
//! After:
//!
//! ```
//! # #[cfg(feature = "compat")] {
//! use sessile::storage::compat::{
//!     LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
//! };
//! # assert_eq!(generate_session_key().as_ref().len(), 64);
//! # }
//! ```
//!
//! And the application wraps the store: `SessionMiddleware::new(Adapter::new(store), key)`. In the store itself:
//!
//! | what | change |
//! | --- | --- |
//! | `#[async_trait(?Send)]` (0.6 to 0.8) | remove the attribute: an `async fn` is enough |
//! | a future, or the store, is not `Send` and `Sync` | use an `Arc`, a `Mutex`, or a client that can be shared |
//! | the key is printed with `{:?}` | `Debug` is redacted; `as_ref()` returns the key |
//!
//! The module `storage::compat` describes what is stored, what it costs, and what such a store can't promise. A store
//! for this crate's own contract has none of these limits: see [`writing_a_store`](crate::guide::writing_a_store).
//!
//! ## Session keys
//!
//! A [`SessionKey`](crate::storage::SessionKey) can be generated, but not parsed or formatted. For logs and
//! administration pages, use [`Session::id`](crate::Session::id).
//!
//! ## The key of the middleware
//!
//! The constructors take a [`KeyRing`](crate::config::KeyRing) as well as a `Key`, so the compiler can't infer the type
//! of the key. Name the type: `Key::try_from(secret)?` in place of `secret.try_into()?`.
//!
//! ## Calling `Session::extract`
//!
//! `Session::extract(&request)` is a future of another type than `Ready`: await it, or call
//! [`get_session`](crate::SessionExt::get_session).
//!
//! # What the compiler does not report
//!
//! | what | in actix-session | here |
//! | --- | --- | --- |
//! | concurrent requests | the last one replaces all values | changes are merged; of two [`insert`]s of one name, the last to commit wins, and [`update`] is atomic |
//! | [`update`] of a value | is lost, unless something else changes the session | is stored |
//! | `remove` of a name that is not there | changes the status | does not |
//! | `insert` after `purge`, in one request | has no effect | is an error; [`restart`] ends the session and begins another one |
//! | a slow request after signing out | restores the session | does not restore it |
//! | a change of a session that another request renewed or ended | is stored, and overwrites | is not stored, and the response is an empty 409, unless the method is safe (`GET`, `HEAD`, …): see [`on_superseded`] and [`failure_page`] |
//! | an inner middleware returns an error | the changes are dropped | the changes are stored. If a cookie is due, the error is wrapped, so outer middleware that downcasts it does not find its type |
//! | the store fails, or does not answer within a second | 500, sometimes after minutes | an empty 503: see [`on_store_failure`] and [`store_timeout`] |
//! | a cookie without `Max-Age` whose key stays the same | is sent after each change | is not sent, except under `OnEveryRequest` |
//! | a session in the cookie | is valid for as long as the key is | ends when it expires, even if the browser keeps the cookie |
//! | a cookie of more than 4096 bytes | is sent, and browsers drop it | is not sent, and the response is an empty 500 |
//! | several cookies of the name | the first one counts | all are read: see [`cookies_and_proxies`] |
//! | the removal cookie | has no `Expires` | has one in the past |
//! | cache headers | are not set | responses that used their session are `private` and have `Vary: Cookie`: see [`caching`] |
//! | values of more than a megabyte together | are stored in Redis | are an error of `insert`: see [`max_state_bytes`] |
//! | `insert` after the response, for example in middleware outside of the session's | has no effect | is an error |
//! | `f64::NAN`, and values that are nested more than 127 levels deep | are stored, and can't be read | are an error of `insert` |
//! | the same middleware around the app and a scope | opens two sessions | opens one |
//! | settings that browsers refuse, such as `SameSite=None` without `Secure` | are sent | make `build` panic, and `try_build` return an error |
//! | `RedisSessionStore::new_pooled` | does not connect | fails if Redis can't be reached, or refuses a command that the store needs |
//! | the address of Redis | may end with `#insecure`, so that no certificate is checked | may not: see [`RedisTlsConfig`](crate::storage::RedisTlsConfig) for certificates of your own |
//! | the Redis key of a new session | the session key | [`sessile:`](crate::storage::RedisSessionStoreBuilder::key_prefix) and the session's id. Sessions of actix-session are found under their own keys |
//! | `cache_keygen` of the Redis stores | receives a session key of 64 characters | receives a session's id of 22 characters, or the whole key of a session of actix-session. A function that adds a prefix works for both |
//! | values in Redis | JSON of JSON texts | a version, followed by JSON |
//!
//! # Existing sessions
//!
//! | the session | read | changed, renewed, or extended |
//! | --- | --- | --- |
//! | in Redis | keeps its expiry in Redis; reading does not extend it, except under `OnEveryRequest` | this crate's format and time to live, under the same Redis key; a renewal moves it to a new one |
//! | in a cookie | counts as created and used now | the same |
//!
//! In both cases, the first response sets the cookie again, sealed by this crate. The old session has no time of
//! creation, so the [absolute timeout](crate::config::Settings::absolute_timeout) counts from its first change.
//!
//! **The risk of accepting them.** A session that actix-session stored in a cookie never expires: a copy of such a
//! cookie opens the session even after signing out, as long as these cookies are accepted. In addition, a *signed*
//! cookie of actix-session is not bound to its name: if your application signed a value with the same key for another
//! purpose, and a visitor can choose the value, it may be accepted as a session. When the longest lifetime of your
//! sessions has passed, turn this off:
//!
//! ```
//! use actix_web::cookie::Key;
//! use sessile::{SessionMiddleware, storage::MemorySessionStore};
//!
//! let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
//!     .accept_actix_session_cookies(false)
//!     .try_build();
//! assert!(sessions.is_ok());
//! ```
//!
//! # Old and new servers side by side
//!
//! Switch all servers at the same time, or route each visitor to servers of one kind. actix-session cannot read the
//! cookies and records of this crate: a visitor whom a new server has answered is a guest on an old server, and if that
//! server stores something, the visitor's session is replaced. No request fails.
//!
//! **Going back** works in the same way: visitors whom a new server has answered have to sign in again.
//!
//! [`SignedIn`]: crate::extract::SignedIn
//! [`caching`]: crate::config::Settings::caching
//! [`cookies_and_proxies`]: crate::guide::cookies_and_proxies
//! [`failure_page`]: crate::SessionMiddlewareBuilder::failure_page
//! [`insert`]: crate::Session::insert
//! [`max_state_bytes`]: crate::config::Settings::max_state_bytes
//! [`on_store_failure`]: crate::config::Settings::on_store_failure
//! [`on_superseded`]: crate::config::Settings::on_superseded
//! [`restart`]: crate::Session::restart
//! [`signing_in`]: crate::guide::signing_in
//! [`store_timeout`]: crate::config::Settings::store_timeout
//! [`update`]: crate::Session::update
