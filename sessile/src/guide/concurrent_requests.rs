//! Concurrent requests: what happens if several requests change one session at the same time.
//!
//! A page that sends twenty requests at once is normal, and so is a user with two tabs. Read this page to choose the
//! method that changes a value, and to know what concurrent changes cost.
//!
//! # No change is lost
//!
//! A request works on the state that it loaded, and records its changes. At its end the changes are applied to the
//! *current* stored state. So requests that write different names never overwrite each other:
//!
//! ```
//! use sessile::{ResponseHead, SealingKey, SessionManager, Settings, storage::MemorySessionStore};
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
//! A session that travels in the cookie is the exception: the browser keeps the last cookie that it receives. Requests
//! that must not overwrite each other need a store on the server.
//!
//! # Which method to use
//!
//! | the new value | method | two concurrent requests |
//! | --- | --- | --- |
//! | does not depend on the old one | [`insert`](crate::Session::insert) | the last to commit wins |
//! | is computed from the old one | [`update`](crate::Session::update), [`update_or`](crate::Session::update_or) | both count |
//! | is none | [`remove`](crate::Session::remove) | the name is removed |
//!
//! `get` followed by `insert` stores what the request computed from the state that it loaded, so it overwrites a
//! concurrent change. `update` takes a closure, which runs again on the current value if another request came first:
//!
//! ```
//! # use sessile::{ResponseHead, SealingKey, SessionManager, Settings, storage::MemorySessionStore};
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
//! Because a closure may run several times, it is an `Fn`, and should do nothing but compute. It must not block: it runs
//! on the worker's thread, and all requests of the worker wait for it. If it panics, or does not fit the value that
//! another request stored, its own request fails with 500, and the others go on.
//!
//! # Signing out and signing in
//!
//! These never wait for other requests. A request that was in flight when the session ended or was renewed does not
//! store its changes, and is answered 409, unless its method is safe:
//! [`on_superseded`](crate::Settings::on_superseded) sets that.
//!
//! # What concurrent changes cost
//!
//! A change is stored by compare-and-swap. The first writer of a session sends its update directly. Writers that come
//! while it is in flight wait for the answer, and are stored *together*: one request applies the changes of all, in the
//! order of their arrival, and sends one update. So a burst of twenty requests takes twenty loads and two updates,
//! whatever the store is. A request without concurrent writers pays nothing for this but an entry in a table.
//!
//! Requests wait only for those of their own worker thread. If several workers or servers change one session, one update
//! wins, and the others are merged and sent again. [Benchmarks](https://github.com/sessile-rs/sessile/blob/main/docs/benchmarks.md)
//! has the numbers.
//!
//! # When something fails
//!
//! | what happens | the request whose changes it concerns | requests that wait |
//! | --- | --- | --- |
//! | the store fails, and may have stored the update | 503; a retry with [`save`](crate::Session::save) counts once | one of them sends the same update again, which the store recognizes |
//! | the store does not answer | 503 after the [`store_timeout`](crate::Settings::store_timeout) | after a quarter of the timeout, one of them sends the same update again |
//! | the client disconnects | its changes are not stored if they still wait; otherwise they are stored or not | they go on |
//! | the changes make the state too large | 500 | they go on |
//! | 100 updates conflict in a row, or the timeout passes | 503 | they go on until their own timeouts |
//!
//! In no case is a change stored twice, and what the response acknowledged is stored.
