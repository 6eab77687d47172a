//! Writing a store of your own.
//!
//! Read this page if none of the stores in [`storage`](crate::storage) fits, because you have another database
//! or your own service. You write four operations, and a test suite tells you which
//! [rule](crate::storage#the-rules) they break.
//!
//! # What a store is
//!
//! A store is a versioned key-value store. It keeps a [`Record`] and its [`Version`] under a [`SessionId`], for
//! a time to live (TTL). You implement [`SessionStore`]:
//!
//! | operation | effect | result |
//! | --- | --- | --- |
//! | [`load`] | finds the record and its version | `Some` or `None` |
//! | [`create`] | stores a record under an id that has none | `Created` or `Taken` |
//! | [`update`] | replaces the record if it has the version that the caller expects | `Updated`, `Conflict` or `Missing` |
//! | [`delete`] | deletes the record, whatever its version | nothing |
//!
//! The engine does everything else. It makes ids, versions and secrets, seals cookies, renews sessions,
//! and merges the changes of concurrent requests. It decides when a session has expired. Your store only
//! receives the four operations.
//!
//! # A store over a `HashMap`
//!
//! This store is complete. It keeps the text of records, as a store over a database would.
//!
//! ```
#![doc = include_str!("../../examples/stores/map_store.rs")]
//! ```
//!
//! Four things in it matter for every store:
//!
//! - **Each operation is one atomic step.** Here the lock makes it one. In SQL, `create` is one `INSERT`
//!   that does nothing on a conflict, and `update` is one `UPDATE ... WHERE id = ? AND version = ?`. A
//!   `SELECT` before an `UPDATE` loses updates.
//! - **`update` compares the new version first.** If the record is already at `version`, an earlier attempt of
//!   the same update was stored, and the result is `Updated`.
//! - **An expired record is missing**, for every operation: `load` finds nothing, `update` returns
//!   `Missing`, and `create` may use the id. A record with a TTL of zero is missing at once.
//! - **`load` never turns an unreadable record into `None`.** The `?` after [`Record::decode`] makes it an
//!   error of kind [`Corrupt`] or
//!   [`Newer`].
//!
//! `create` and `update` may also return `Refused`. Only a store that can end all sessions of a user does so;
//! this ability is optional. `CreatedAs` is for stores that were written for actix-session: `storage::compat`
//! wraps them.
//!
//! You can use the store directly:
//!
//! ```
//! # mod map_store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stores/map_store.rs")); }
//! # use map_store::MapStore;
//! use std::time::Duration;
//! use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = MapStore::default();
//! let id = SessionId::generate();
//! let (first, second) = (Version::generate(), Version::generate());
//! let mut record = Record::new(SystemClock.now());
//! let ttl = Duration::from_secs(60);
//! assert_eq!(store.create(&id, &record, first, ttl).await?, CreateOutcome::Created);
//!
//! record.state.insert("visits", &1)?;
//! let updated = store.update(&id, first, &record, second, ttl).await?;
//! assert_eq!(updated, UpdateOutcome::Updated);
//!
//! // The record no longer has the first version.
//! let late = store.update(&id, first, &record, Version::generate(), ttl).await?;
//! assert_eq!(late, UpdateOutcome::Conflict);
//! let loaded = store.load(&id, None, Freshness::Current).await?;
//! assert_eq!(loaded, Some(Loaded { record, version: second }));
//!
//! store.delete(&id).await?;
//! assert_eq!(store.load(&id, None, Freshness::Current).await?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Run the suite
//!
//! Add the crate with the feature `store-tests` to your dev-dependencies. The suite needs no web framework:
//!
//! ```toml
//! [dev-dependencies]
//! sessile = { version = "0.1", default-features = false, features = ["store-tests"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
//! ```
//!
//! Then write one test:
//!
//! ```
//! # mod map_store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stores/map_store.rs")); }
//! # use map_store::MapStore;
//! # #[cfg(feature = "store-tests")]
//! use sessile::test_helpers::store_contract_test_suite;
//!
//! #[tokio::test(flavor = "multi_thread")]
//! async fn the_map_store_keeps_the_contract() {
//!     store_contract_test_suite(MapStore::default).await;
//! }
//! # fn main() {
//! #     // The test itself is not part of an example.
//! #     #[cfg(feature = "store-tests")]
//! #     tokio::runtime::Runtime::new().unwrap().block_on(store_contract_test_suite(MapStore::default));
//! # }
//! ```
//!
//! The suite calls the closure for each check. For a database, let the closure clone one store, or connect to
//! a new table. The suite uses random ids and ignores other records. `#[tokio::test]` without
//! `flavor = "multi_thread"` works as well, but finds fewer races.
//!
//! If your store breaks a rule, the message has the rule and what the store did:
//!
//! ```text
//! rule broken: `create` never overwrites. What the store did: `create` answered Created, `create` under
//! the same id answered Created. The rule asks for Taken. A load now finds a record.
//! ```
//!
//! Run the suite on several threads, as above, and with the real backend. A mock has no races, collations or
//! rounded times.
//!
//! # Optional traits
//!
//! Beside the contract, a store can implement these traits. Each has its own suite.
//!
//! | trait | what applications get | suites, in `test_helpers` |
//! | --- | --- | --- |
//! | [`SubjectStore`] | lists of a user's sessions, "log out everywhere", limits: [`guide::devices`](crate::guide::devices); and the store of a [`RevocationList`](crate::storage::RevocationList) | `subject_store_test_suite`, `end_everything_test_suite` |
//! | [`IterableStore`] | iterating over all sessions, counting and clearing them: [`guide::administration`](crate::guide::administration) | `iterable_store_test_suite`, `clear_test_suite` |
//! | [`ManagedStore`] | health checks and a graceful shutdown | `managed_store_test_suite` |
//!
//! # The time to live
//!
//! `create` and `update` are given the TTL. The engine computes it from the lifetime of the session and
//! adds a minute of slack, so that your store never drops a session that the engine still serves. Do three
//! things with it:
//!
//! - Count from the moment at which your store stores the record, by your store's own clock. The times in
//!   the record come from the clock of a web server and are for the engine alone.
//! - Replace the TTL on every update. It may become shorter as well as longer.
//! - Do not round it up, if you can: use a unit finer than a second. The suite accepts a few seconds.
//!
//! An expired record may stay on disk until you clean up. It only has to be missing for all operations.
//!
//! # Sending an operation again
//!
//! If a connection breaks before the reply arrives, the store does not know whether the operation was executed.
//!
//! | operation | send again? | because |
//! | --- | --- | --- |
//! | `load`, `delete` | yes | repeating them changes nothing |
//! | `update` | yes, with the same versions | if the reply is then `Conflict` or `Missing`, return an error of kind [`Unknown`]: your first attempt may have been stored and replaced since |
//! | `create` | never | a delayed first attempt could restore a session that was deleted in the meantime |
//!
//! Return a [`StoreError`] for everything else. Its source goes to the log. The
//! engine assumes that the operation may have happened. If it certainly did not, because no connection
//! could be opened or the backend refused it, call [`not_sent`] on the error.
//!
//! # Mistakes to avoid
//!
//! - Store the whole text of [`Record::encode`]. It includes members that only a later version of this crate
//!   knows. Store a part of the record in a column only to search for it.
//! - Do not let the database rewrite the text: `jsonb` in PostgreSQL changes spaces, numbers and the
//!   order of members, and refuses `\u0000`. Use a type for text or bytes.
//! - Do not compare ids by a collation that ignores case or trailing spaces. Use 16 bytes, or a binary
//!   collation.
//! - Do not order versions. They are random numbers of 64 bits without sign. In a signed column,
//!   store [`version.get().cast_signed()`](u64::cast_signed).
//! - Do not split an operation into steps with an `await` between them, unless a transaction holds them
//!   together. The future of an operation is dropped when the client disconnects.
//! - Do not hold a lock across an `await`.
//! - Do not delete in `load` without comparing: another request may have stored a new record since.
//! - Do not return `Missing` or `None` if the store does not know. Return an error.
//! - Do not put values or the text of records into errors: errors are logged.
//!
//! # What a store does not need
//!
//! - **Secrets.** The record has digests of them, and the engine compares them.
//! - **The subject hint** of `load`. It is for stores that can end all sessions of a user. Ignore it.
//! - **A cache.** If you have none, ignore [`Freshness`]. If you have one, serve only loads with [`Cached`]
//!   from it, and evict on each write and each conflict.
//! - **The provided methods.** `keeps_nothing` and `revocations` are for records in the cookie, and
//!   `opens_actix_session_key` for backends that actix-session has written to. With `end_reporter`, a store
//!   reports the expired sessions that it deletes, for audit trails. A store that wraps another store forwards all of
//!   them to it.
//!
//! # A store around another one
//!
//! To measure or trace the operations of a store, or to make them fail in a test, implement [`StoreWrapper`]. One
//! method runs around each operation, and everything else is forwarded. A store that moves sessions or changes what is
//! stored implements [`SessionStore`] itself.
//!
//! [`Cached`]: crate::storage::Freshness::Cached
//! [`Corrupt`]: crate::storage::StoreErrorKind::Corrupt
//! [`Freshness`]: crate::storage::Freshness
//! [`IterableStore`]: crate::storage::IterableStore
//! [`ManagedStore`]: crate::storage::ManagedStore
//! [`Newer`]: crate::storage::StoreErrorKind::Newer
//! [`Record`]: crate::record::Record
//! [`Record::decode`]: crate::record::Record::decode
//! [`Record::encode`]: crate::record::Record::encode
//! [`SessionId`]: crate::storage::SessionId
//! [`SessionStore`]: crate::storage::SessionStore
//! [`StoreError`]: crate::storage::StoreError
//! [`StoreWrapper`]: crate::storage::StoreWrapper
//! [`SubjectStore`]: crate::storage::SubjectStore
//! [`Unknown`]: crate::storage::StoreErrorKind::Unknown
//! [`Version`]: crate::storage::Version
//! [`create`]: crate::storage::SessionStore::create
//! [`delete`]: crate::storage::SessionStore::delete
//! [`load`]: crate::storage::SessionStore::load
//! [`not_sent`]: crate::storage::StoreError::not_sent
//! [`update`]: crate::storage::SessionStore::update
