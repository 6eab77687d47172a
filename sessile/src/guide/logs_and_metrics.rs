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
//! | error | a request that failed because of its session, with the cause; a stored session that can't be decoded; a clean-up that failed |
//! | warn | the store can't be reached, once for each outage; a change that has no effect, for example because no middleware has opened the session; cookies of several live sessions, of which none counts; two middlewares that replace each other's cookie; a key ring that has lost all former keys; `allow_plain_http`; a store in a database that creates sessions for an hour while no clean-up runs in its process |
//! | info | a store that is reachable again; changes that were dropped because another request had ended or renewed the session |
//! | debug | cookies that failed verification, and cookies that name no live session, with the reason |
//! | trace | updates that conflicted and were merged |
//!
//! # Metrics
//!
//! With the feature `metrics`, the crate counts events through the [`metrics`](https://docs.rs/metrics) facade. The
//! application installs the recorder.
//!
//! | counter | what it counts |
//! | --- | --- |
//! | `sessile_cookies_rejected_total` | cookies that failed verification |
//! | `sessile_cookies_ambiguous_total` | requests with cookies of several live sessions, of which none counted |
//! | `sessile_sessions_not_found_total` | verified cookies that name no live session |
//! | `sessile_csrf_refused_total` | requests that `CsrfGuard` refused |
//! | `sessile_changes_dropped_total` | requests whose changes were dropped, because another request had ended or renewed the session |
//! | `sessile_conflicts_total` | updates that conflicted with another request's and were merged |
//! | `sessile_records_corrupt_total` | stored sessions that can't be decoded |
//! | `sessile_failures_total` | requests that failed because of their session |
//! | `sessile_near_cache_hits_total` | sessions that a near cache served |
//! | `sessile_near_cache_misses_total` | sessions that a near cache did not have, or could not rely on |
//! | `sessile_near_cache_invalidations_total` | sessions that Redis reported as changed |
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
//! let counted = snapshotter.snapshot().into_vec();
//! assert_eq!(counted.len(), 1);
//! assert_eq!(counted[0].0.key().name(), "sessile_cookies_rejected_total");
//! # } Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to watch
//!
//! | signal | what it may mean |
//! | --- | --- |
//! | failures | the store is down or slow: the error in the log has the cause |
//! | corrupt records | another program writes to the store, or the store is damaged |
//! | rejected cookies rise on all servers | the sealing key or the cookie's name was changed, or an attacker tries forged cookies |
//! | rejected cookies rise on one server | that server has another key |
//! | sessions not found rise | the store lost or evicted sessions, or its servers do not share it |
//! | dropped changes rise | requests run for long while their users sign in or out |
//! | conflicts rise | many requests change one session: see [`concurrent_requests`](crate::guide::concurrent_requests) |
//! | near-cache hits are few | requests of a user reach different servers: use sticky routing |
