//! Concurrent requests: several requests that change one session at the same time.
//!
//! A page that sends twenty requests at once is normal, and so is a user with two tabs. This page shows which method to
//! use for a change, and what concurrent changes cost.
//!
//! # No change is lost
//!
//! A request works on the state that it loaded, and records its changes. When it commits or saves, the changes are
//! applied to the *current* stored state. So requests that write different names never overwrite each other:
//!
//! ```
//! use sessile::{
//!     config::Settings,
//!     engine::{ResponseHead, SealingKey, SessionManager},
//!     storage::MemorySessionStore,
//! };
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let manager = SessionManager::new(
//!     MemorySessionStore::default(),
//!     SealingKey::generate(),
//!     Settings::default(),
//! )?;
//! let post = ResponseHead::to("POST");
//! let new = manager.open([]).await?;
//! new.insert("theme", "light")?;
//! let cookie = manager.commit(&new, &post).await?.set_cookie.unwrap();
//! let cookie = cookie.as_str().split(';').next().unwrap();
//!
//! // Two requests open the session before either of them commits.
//! let first = manager.open([cookie.as_bytes()]).await?;
//! let second = manager.open([cookie.as_bytes()]).await?;
//! first.insert("theme", "dark")?;
//! second.insert("language", "en")?;
//! manager.commit(&first, &post).await?;
//! manager.commit(&second, &post).await?;
//!
//! let session = manager.open([cookie.as_bytes()]).await?;
//! assert_eq!(session.get("theme")?, Some("dark".to_owned()));
//! assert_eq!(session.get("language")?, Some("en".to_owned()));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Sessions in the cookie are the exception: the browser keeps the last cookie that it receives. Requests that must not
//! overwrite each other need a store on the server.
//!
//! # Which method to use
//!
//! | the new value | method | two concurrent requests |
//! | --- | --- | --- |
//! | does not depend on the old one | [`insert`](crate::Session::insert) | the last to commit wins |
//! | is computed from the old one | [`update`](crate::Session::update), [`update_or`](crate::Session::update_or) | both count |
//! | is removed | [`remove`](crate::Session::remove) | the name is removed, and each request gets the value |
//!
//! `get` followed by `insert` stores what the request computed from the state that it loaded, so it overwrites a
//! concurrent change. `update` takes a closure, which runs again on the current value if another request came first:
//!
//! ```
//! # use sessile::{
//! #     config::Settings,
//! #     engine::{ResponseHead, SealingKey, SessionManager},
//! #     storage::MemorySessionStore,
//! # };
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let key = SealingKey::generate();
//! # let manager = SessionManager::new(MemorySessionStore::default(), key, Settings::default())?;
//! # let post = ResponseHead::to("POST");
//! # let new = manager.open([]).await?;
//! # new.insert("n", 0)?;
//! # new.insert("m", 0)?;
//! # let cookie = manager.commit(&new, &post).await?.set_cookie.unwrap();
//! # let cookie = cookie.as_str().split(';').next().unwrap();
//! let first = manager.open([cookie.as_bytes()]).await?;
//! let second = manager.open([cookie.as_bytes()]).await?;
//! for session in [&first, &second] {
//!     session.update("n", |n: u32| n + 1)?;
//!     let m: u32 = session.get("m")?.unwrap_or_default();
//!     session.insert("m", m + 1)?;
//! }
//! manager.commit(&first, &post).await?;
//! manager.commit(&second, &post).await?;
//!
//! let session = manager.open([cookie.as_bytes()]).await?;
//! assert_eq!(session.get("n")?, Some(2), "each update counts");
//! assert_eq!(session.get("m")?, Some(1), "an insert overwrites");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! The closure runs at once, on the state that the request loaded. If another request stores a new value first, it
//! runs again on that value when the changes are stored. So it is an `Fn`, and must have no side effects. It must not
//! block: it runs on the worker's thread, and all requests of the worker wait for it.
//!
//! If the first run panics, the handler panics, and Actix Web closes the connection. If a later run panics, or the
//! closure does not fit the value that another request stored, its request fails with 500 and none of its changes
//! are stored. Other requests are not affected.
//!
//! After an `update`, `get` returns a value that is computed from the state that the request loaded. The stored value
//! can differ: twenty concurrent visits may all show 2, while 21 is stored. After a [`save`](crate::Session::save),
//! `get` returns the stored value, which includes the changes of other requests in the same update. So do not use
//! either number as a unique one.
//!
//! # Signing out and signing in
//!
//! A sign-out does not wait for other requests. A renewal, for example by a sign-in, queues like other changes, and
//! is stored in an update of its own.
//!
//! After a request has loaded its session, another request may end or renew that session. Then:
//!
//! - If the request changes the session, its changes are not stored, and the response is 409. If the method is safe,
//!   or under [`SupersededPolicy::Ignore`](crate::config::SupersededPolicy::Ignore), the handler's response is sent
//!   all the same.
//! - If the request changes nothing, it is served from the state that it loaded.
//! - `save` and `reload` return an error for every method. So a handler of a safe method can call `save` to learn
//!   whether its changes are stored.
//! - If the request renews a guest's session that was renewed, it begins a new session from the state that it loaded.
//!   If a user was signed in, the response is 409, and the browser keeps the cookie of the first renewal.
//! - A second [`sign_in`](crate::Session::sign_in) of the same user succeeds, and keeps the values.
//!
//! # What concurrent changes cost
//!
//! A change is stored by compare-and-swap. The first writer of a session sends its update directly. Writers that
//! arrive while it is in flight wait for the reply. Then one of them applies the changes of all, in the order of
//! their arrival, and sends *one* update. If twenty requests of one worker commit, and the last nineteen arrive
//! while the first update is in flight, the store gets two updates. A request without concurrent writers pays
//! only for an entry in a table.
//! [Benchmarks](https://github.com/sessile-rs/sessile/blob/main/docs/benchmarks.md) has the numbers for one
//! worker.
//!
//! Requests wait only for those of their own worker thread. If several workers or servers change one session, one
//! update wins, and the others are merged and sent again.
//!
//! # When something fails
//!
//! If the store fails, the status is 503 unless [`on_store_failure`](crate::config::Settings::on_store_failure) sets
//! another one.
//!
//! The first update has only the changes of its own request. If it fails, a waiting request takes over: it loads the
//! session, and stores the changes of all. A later update has the changes of all requests that waited. If it fails,
//! another of them repeats it. The store recognizes the repeated update.
//!
//! | what happens | the request that sent the update | requests that wait for it |
//! | --- | --- | --- |
//! | the store fails, and may have stored the update | 503; a retry with [`save`](crate::Session::save) is not applied twice | one of them takes over |
//! | the store does not answer | 503 after the [`store_timeout`](crate::config::Settings::store_timeout) | one of them takes over after a quarter of the timeout, or half of it if it waited for another update before |
//! | the client disconnects | its changes may be stored | one of them takes over at once |
//! | 100 updates conflict in a row | 503 | one of them takes over |
//!
//! If the client of a waiting request disconnects, its changes are withdrawn, unless they are in an update that is in
//! flight. If the changes of one request make the state too large, only this request fails, with 500. A
//! [`save`](crate::Session::save) whose future is not polled delays other requests for a quarter of the timeout.
//!
//! A store should answer well within a quarter of the timeout. Otherwise, waiting requests repeat updates that are only
//! slow. If another worker has stored a change in the meantime, the outcome is unknown, and they get 503.
//!
//! No change is stored twice. Under the default policies, a response to a request that changes something is sent only
//! if the changes are stored.
