//! Logs and metrics: what the crate reports, and what to watch.
//!
//! Read this page before you go to production. No log line and no metric contains a session key, a cookie, a password
//! or a value of a session.
//!
//! # Logs
//!
//! The crate logs through [`tracing`](https://docs.rs/tracing). The targets of its events begin with the name of the
//! crate, `sessile`. An application whose subscriber shows warnings sees everything that needs attention:
//!
//! ```
//! tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
//! # assert!(tracing::enabled!(tracing::Level::WARN) && !tracing::enabled!(tracing::Level::INFO));
//! ```
//!
//! | level | events |
//! | --- | --- |
//! | error | the store begins to fail, once for each outage, with the cause; a request that failed because of its session for another reason; a stored session that can't be decoded; a clean-up that failed; a `CsrfGuard` outside of a session middleware; an SQLite file that was deleted or replaced |
//! | warn | a change that has no effect, for example because no middleware has opened the session; the first request with cookies of several live sessions, of which none is used; two middlewares that replace each other's cookie; a key ring that has lost all former keys; a session that can't be decoded and that a list omits; `allow_plain_http`; a store in a database that creates sessions for an hour while no clean-up runs in its process; a Redis that evicts keys, or does not report its version; a copy that a move left in the old store |
//! | info | the store works again, with the duration of the outage and the number of operations that failed; changes that were dropped because another request had ended or renewed the session; requests that `CsrfGuard` refused |
//! | debug | later requests with cookies of several live sessions; cookies that failed verification, and cookies that name no live session, with the reason |
//! | trace | updates that conflicted and were merged |
//!
//! **An outage is logged once**, when the first operation fails, and not for each request. Reads and writes have outages
//! of their own, because a store that can't be written to may still be read. A record that can't be read or is too large
//! is no outage. An outage ends with the first success after
//! a second without a failure. Each [`SessionManager`](crate::engine::SessionManager) logs its own, so build one
//! middleware and clone it for the workers.
//!
//! # Metrics
//!
//! With the feature `metrics`, the crate reports these through the [`metrics`](https://docs.rs/metrics) facade. The
//! application installs the recorder, before it opens a store. The values of labels are from fixed lists, and none is
//! from a client. A recorder of a type without fields counts as none, so operations that complete without waiting are
//! not measured.
//!
//! | metric | kind | labels | what it says |
//! | --- | --- | --- | --- |
//! | `sessile_store_operation_duration_seconds` | histogram | `operation`, `outcome` | how long each operation of the store took |
//! | `sessile_connects_total` | counter | `backend`, `outcome` | attempts to connect to the server of the store: `connected` or `failed` |
//! | `sessile_connection_wait_seconds` | histogram | `backend` | how long operations waited for a connection, if none was available |
//! | `sessile_redis_redirects_total` | counter | `kind` | requests that a node of a Redis cluster redirected: `moved` or `ask` |
//! | `sessile_cleaned_rows_total` | counter | `backend` | rows of expired sessions that were deleted |
//! | `sessile_memory_store_sessions` | gauge |  | sessions in memory stores |
//! | `sessile_memory_store_bytes` | gauge |  | the memory that they take, roughly |
//! | `sessile_near_cache_sessions` | gauge |  | sessions in near caches |
//! | `sessile_near_cache_bytes` | gauge |  | the memory that they take, as counted against the bound of the cache |
//! | `sessile_near_cache_hits_total` | counter |  | sessions that a near cache served |
//! | `sessile_near_cache_misses_total` | counter |  | sessions that a near cache did not have, or could not rely on |
//! | `sessile_near_cache_invalidations_total` | counter |  | keys that Redis reported as changed |
//! | `sessile_conflicts_total` | counter |  | updates that conflicted with another request's and were merged |
//! | `sessile_combined_writes` | histogram |  | requests whose changes one combined update stored |
//! | `sessile_changes_dropped_total` | counter | `reason` | requests whose changes were dropped, because another request had renewed (`superseded`) or `ended` the session |
//! | `sessile_cookies_sent_total` | counter | `cause` | cookies of sessions that are new or have a new key (`issued`), cookies that were sent again (`reissued`), and removals (`removed`) |
//! | `sessile_cookies_rejected_total` | counter | `reason` | cookies that are no session cookie of this application: `empty`, `too_long`, `unverified` |
//! | `sessile_cookies_ambiguous_total` | counter |  | requests with cookies of several live sessions, of which none was used |
//! | `sessile_sessions_not_found_total` | counter | `reason` | verified cookies that name no live session: `missing` in the store, `expired`, with a key that was replaced (`old_key`), or on the revocation list (`revoked`) |
//! | `sessile_sign_ins_refused_total` | counter | `reason` | sign-ins that were refused because the user's sessions were ended meanwhile (`subject_ended`), or by the limit of a user's sessions (`limit_reached`) |
//! | `sessile_marks_total` | counter | `scope` | calls that ended all sessions of a user (`subject`), or of `everyone` |
//! | `sessile_csrf_refused_total` | counter |  | requests that `CsrfGuard` refused |
//! | `sessile_records_corrupt_total` | counter |  | stored sessions that can't be decoded |
//! | `sessile_failures_total` | counter | `step` | requests that failed because of their session (`open`, `commit`), and steps whose failure fails no request: `extend_lifetime`, `resend_cookie`, `delete_unneeded` |
//!
//! The operations of a store are `load`, `create`, `update`, `delete`, `sign_in` (under a limit), `list`,
//! `find_by_label`, `end_subject`, `end_everything`, `is_revoked` (of a revocation list), `page`, `count`, `clear` and
//! `ping`. Their outcomes are `ok`, `missing`, `conflict`, `taken`,
//! `refused`, the kinds of [`StoreErrorKind`](crate::storage::StoreErrorKind) such as `unavailable`, `timed_out`, and
//! `cancelled` if the client disconnected.
//!
//! ```
//! # #[cfg(feature = "metrics")] {
//! use metrics_util::debugging::DebuggingRecorder; // or an exporter, such as `metrics-exporter-prometheus`
//! use sessile::{
//!     config::Settings,
//!     engine::{SealingKey, SessionManager},
//!     storage::MemorySessionStore,
//! };
//!
//! let recorder = DebuggingRecorder::new();
//! let snapshotter = recorder.snapshotter();
//! recorder.install()?;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! // A forged cookie is no error: the request gets an empty session.
//! let session = manager.open([&b"id=forged"[..]]).await?;
//! assert!(session.entries().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//!
//! let recorded = snapshotter.snapshot().into_vec();
//! assert_eq!(recorded.len(), 1);
//! assert_eq!(recorded[0].0.key().name(), "sessile_cookies_rejected_total");
//! # } Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to watch
//!
//! | signal | what it may mean |
//! | --- | --- |
//! | failures | the store is down: the log has the cause once for each outage |
//! | durations of store operations rise, or operations wait for connections | the store is slow, or its connections are too few |
//! | connects rise | a proxy or a firewall closes connections, or the address leads to different servers |
//! | redirects do not end | slots move, or the map of the cluster differs from node to node |
//! | corrupt records | another program writes to the store, or the store is damaged |
//! | rejected cookies rise on all servers | the sealing key or the cookie's name was changed, or an attacker tries forged cookies |
//! | rejected cookies rise on one server | that server has another key |
//! | sessions not found rise | the store lost or evicted sessions, or its servers do not share it |
//! | dropped changes rise | requests run for long while their users sign in or out |
//! | combined writes are large, conflicts rise | many requests change one session: see [`concurrent_requests`](crate::guide::concurrent_requests) |
//! | near-cache hits are few | requests of a user reach different servers: use sticky routing |
