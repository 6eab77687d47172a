//! Moving from one store to another, without signing users out.
//!
//! Read this page when you replace the store of an application that is in use.
//!
//! An application that outgrows SQLite, or replaces Redis by PostgreSQL, has sessions in the old store. [`MigratingStore`] uses
//! both stores. It reads a session in the new store, or else in the old one, and its first change moves it. Cookies stay
//! valid, because the id, the secrets and the whole record move.
//!
//! Keep the sealing key and all settings of the middleware during the move.
//!
//! # The steps
//!
//! Deploy each step to **all** servers before you begin the next one. During each deployment, servers of two neighboring steps
//! work side by side, and lose nothing.
//!
//! | step | store of the servers | new sessions | sessions in the old store |
//! | --- | --- | --- | --- |
//! | 0 | the old store | old store | change there |
//! | 1 | [`MigratingStore::prepare`] | old store | change there |
//! | 2 | [`MigratingStore::new`] | new store | move when they change, or by [`move_some`] |
//! | 3 | the new store | new store | there are none |
//!
//! Step 1 is for applications with several servers: a server that knows only the old store can't find sessions that
//! other servers have moved, and can lose writes. With one server, begin with step 2. Servers of step 0 and step 2 must
//! not run at the same time.
//!
//! ```
//! use sessile::storage::{AnySessionStore, MigratingStore, StoreError};
//!
//! async fn store(step: u8) -> Result<MigratingStore<AnySessionStore, AnySessionStore>, StoreError> {
//!     let old = AnySessionStore::connect("memory:").await?; // sqlite:sessions.db
//!     let new = AnySessionStore::connect("memory:").await?; // postgres://…
//!     match step {
//!         1 => MigratingStore::prepare(old, new),
//!         _ => MigratingStore::new(old, new),
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # use sessile::storage::IterableStore;
//! # for step in [1, 2] {
//! #     assert_eq!(store(step).await?.count().await?, 0);
//! # }
//! # Ok::<(), StoreError>(()) }).unwrap();
//! ```
//!
//! # When is the old store empty?
//!
//! In step 2, sessions in use move by themselves. Those that are not in use move when [`move_some`] is called, or expire. Call it
//! from one process, and go on to step 3 when [`count`] of the old store is zero:
//!
//! ```
//! use std::num::NonZeroU32;
//! use sessile::storage::{IterableStore, MigratingStore, SessionStore, StoreError};
//!
//! /// Moves all sessions. Returns how many are left in the old store.
//! async fn move_all<Old, New>(store: &MigratingStore<Old, New>) -> Result<u64, StoreError>
//! where
//!     Old: IterableStore,
//!     New: SessionStore,
//! {
//!     let at_once = NonZeroU32::new(100).expect("it is more than zero");
//!     let mut after = store.move_some(None, at_once).await?;
//!     while after.is_some() {
//!         after = store.move_some(after.as_ref(), at_once).await?;
//!     }
//!     store.old_store().count().await
//! }
//! # use std::time::Duration;
//! # use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let (old, new) = (MemorySessionStore::default(), MemorySessionStore::default());
//! # for _ in 0..250 {
//! #     let (id, record) = (SessionId::generate(), Record::new(SystemClock.now()));
//! #     old.create(&id, &record, Version::generate(), Duration::from_secs(60)).await?;
//! # }
//! # let store = MigratingStore::new(old, new)?;
//! # assert_eq!(move_all(&store).await?, 0);
//! # assert_eq!(store.new_store().count().await?, 250);
//! # Ok::<(), StoreError>(()) }).unwrap();
//! ```
//!
//! Sessions can be left for two reasons. If a record can't be decoded, [`Sessions::page`] lists it as unreadable. If
//! `actix-session` stored it in Redis, it moves with its first change, provided that the new store can hold it, or it
//! expires: only Redis knows when. In Redis, the count is an estimate.
//!
//! # During the move
//!
//! - No acknowledged write is lost, and an ended session stays ended. [`MigratingStore`] names the one exception.
//! - **Both stores have to be up.** If one is down, requests with a session fail, as they do with one store.
//! - **Lists of a user's sessions, "log out everywhere" and limits are not available**: a middleware with a limit does not
//!   compile. They are complete again in step 3.
//! - Clean-up tasks run for both stores: start them on each store before you pass it to [`MigratingStore`].
//! - The operations of [`Sessions`] (`page`, `count`, `clear`, `ping` and `close`) cover both stores.
//!
//! # Going back
//!
//! You can always go back from step 2 to step 1. Sessions that have moved stay in the new store, and are used there.
//! You can go back from step 1 to step 0 only if no server has been in step 2, because the old store does not have the
//! sessions that have moved.
//!
//! [`MigratingStore::new`]: crate::storage::MigratingStore::new
//! [`MigratingStore::prepare`]: crate::storage::MigratingStore::prepare
//! [`MigratingStore`]: crate::storage::MigratingStore
//! [`Sessions::page`]: crate::Sessions::page
//! [`Sessions`]: crate::Sessions
//! [`count`]: crate::storage::IterableStore::count
//! [`move_some`]: crate::storage::MigratingStore::move_some
