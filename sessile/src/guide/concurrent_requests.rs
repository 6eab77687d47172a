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
//! closure does not fit the value that another request stored, its request fails with 500, none of its changes are
//! stored, and the others go on.
//!
//! What `get` returns after an `update` is computed from the state that the request loaded, and what is stored may be
//! different: twenty concurrent visits may all show 2, while 21 is stored. After a [`save`](crate::Session::save),
//! `get` returns the stored value, which includes the changes that were stored in the same update. So neither number
//! is unique.
//!
//! # Signing out and signing in
//!
//! A sign-out waits for no other request. A renewal, as at sign-in, queues like other changes, and is stored in an
//! update of its own.
//!
//! A request that changes a session which another request has ended or renewed since it was loaded is answered 409, and
//! its changes are not stored. If its method is safe, or with
//! [`SupersededPolicy::Ignore`](crate::config::SupersededPolicy::Ignore), its response is served without the changes.
//! A request that changes nothing is served from the state that it loaded. `save` and `reload` return an error for
//! every method, so a handler of a safe method can call `save` to learn whether its changes are stored.
//!
//! A second renewal of a guest's session begins a new session from the state that it loaded. If a user was signed in, the
//! second renewal is answered 409, and the browser keeps the cookie of the first. A second
//! [`sign_in`](crate::Session::sign_in) of the same user succeeds, and keeps the values.
//!
//! # What concurrent changes cost
//!
//! A change is stored by compare-and-swap. The first writer of a session sends its update directly. Writers that come
//! while it is in flight wait for the answer, and are stored *together*: one request applies the changes of all, in
//! the order of their arrival, and sends one update. If twenty requests of one worker commit, and the last nineteen
//! arrive while the first update is in flight, the store gets two updates. A request without concurrent writers pays
//! for an entry in a table. [Benchmarks](https://github.com/sessile-rs/sessile/blob/main/docs/benchmarks.md) has the
//! numbers for one worker.
//!
//! Requests wait only for those of their own worker thread. If several workers or servers change one session, one
//! update wins, and the others are merged and sent again.
//!
//! # When something fails
//!
//! The status of a store's failure is 503 unless [`on_store_failure`](crate::config::Settings::on_store_failure) sets
//! another one.
//!
//! The first update has only the changes of its own request. If it fails, a request that waits loads the session, and
//! stores the changes of all. A later update has the changes of all that waited. If it fails, another of them repeats
//! it, and the store recognizes it.
//!
//! | what happens | the request that sent the update | requests that wait for it |
//! | --- | --- | --- |
//! | the store fails, and may have stored the update | 503; a retry with [`save`](crate::Session::save) is not applied twice | one of them goes on as above |
//! | the store does not answer | 503 after the [`store_timeout`](crate::config::Settings::store_timeout) | one of them goes on after a quarter of the timeout, or half of it if it waited for another update before |
//! | the client disconnects | its changes are stored or not | one of them goes on at once |
//! | 100 updates conflict in a row | 503 | another one goes on |
//!
//! A request that waits takes its changes back if its client disconnects, unless they are in an update that is in
//! flight. Changes that make the state too large fail alone, with 500. A [`save`](crate::Session::save) whose future
//! is not polled delays other requests for a quarter of the timeout.
//!
//! A store should answer well within a quarter of the timeout. Otherwise, waiting requests repeat updates that are only
//! slow. If another worker has stored a change in the meantime, the outcome is unknown, and they get 503.
//!
//! No change is stored twice. Under the default policies, a response to a request that changes something is sent only
//! if the changes are stored.
