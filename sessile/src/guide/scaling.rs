//! Scaling: what many sessions need, and what reaches its limit first.
//!
//! Read this page before you choose machines. The figures were measured on two cores; [benchmarks] has all of them.
//! Replace them with those of your own machines: `cargo xtask bench` measures them in a clone of the repository, and
//! `cargo xtask bench scale` measures a million sessions.
//!
//! # One session and one request
//!
//! - **Memory.** A session with four values of about a hundred bytes in all takes about 400 bytes in Redis, 360 in
//!   SQLite and 470 in the memory of the process.
//! - **Round trips.** A request that reads its session costs one round trip to the store. A request that changes it
//!   costs two: a read and a write. A request that does not use its session costs none with [lazy loading]. If the
//!   session is in the [near cache], a request that reads costs none and a request that changes costs one. The next
//!   request after a change reads the session again.
//! - **Processor time.** On the application's server, a read from Redis takes about 7 µs in addition to the request
//!   itself, and a change about 14 µs.
//! - **Number of sessions.** With a million sessions instead of a thousand, a request costs the same in Redis. In the
//!   memory of the process it costs about 2 µs (20 %) more, because the session is not in the caches of the processor.
//!   In SQLite a read costs 5 µs (35 %) more and a change 14 µs (35 %): nearly each session is on a different page,
//!   which has to be read. After a change the page is written twice, to the log and to the database.
//!
//! Three settings change these costs: [`Loading::Lazy`], a [near cache], and [`TtlExtensionPolicy`]. By default, a request
//! that only reads writes nothing for a guest, and once in five minutes for a signed-in user.
//!
//! # Example: 100 million sessions
//!
//! There are 100 million live sessions. In the busiest hour a tenth of them are in use. Each session in use has one
//! request every ten seconds, and one request in ten changes its session.
//!
//! | quantity | calculation | result |
//! | --- | --- | ---: |
//! | memory for sessions | 100,000,000 × 400 bytes | 40 GB |
//! | with a replica of each master | × 2 | 80 GB |
//! | requests per second | 10,000,000 ÷ 10 s | 1,000,000 |
//! | reads from Redis per second | one per request | 1,000,000 |
//! | writes per second | one request in ten | 100,000 |
//! | operations per second | reads and writes | 1,100,000 |
//!
//! **Masters.** One core of Redis executes on the order of 100,000 such operations per second, so 11 masters are
//! needed. With 24 masters, each is at half of its limit in the busiest hour, and the failure of one causes no
//! overload. Each master then holds 40 GB ÷ 24 = 1.7 GB. With space for a fork and for fragmentation, 4 GB per master
//! is sufficient. Memory does not reach its limit first.
//!
//! **Connections.** Each worker thread has one connection to each master. 100 servers with 8 workers open 800
//! connections to each master. Redis allows 10,000 by default.
//!
//! **Application servers.** Reading sessions takes 1,000,000 requests × 7 µs = 7 cores. Changing them takes
//! 100,000 × 7 µs = 0.7 cores more. The requests themselves come on top.
//!
//! **Near cache.** Use sticky routing, so that the requests of a user reach the server that has the session.
//! Otherwise each server reads the session again after each change. With sticky routing, almost no reads reach Redis
//! except those after a change. These are 100,000 writes per second and as many reads, for which 5 masters are
//! sufficient. By default, Redis tracks up to a million keys per master (`tracking-table-max-keys`). With 10 million
//! sessions in use, raise this to the share of each master, 10,000,000 ÷ 24. Otherwise Redis evicts keys from the
//! table.
//!
//! # Limits, in the order in which they are reached
//!
//! 1. **Many writers of one session.** All of them write the same record. Each request loads it. The writes of one
//!    worker share updates, and workers and servers compete: see [`concurrent_requests`]. A session belongs to one
//!    visitor. Store a counter for all visitors elsewhere.
//! 2. **Large sessions.** Each request that uses a session transfers all of it, twice if it changes the session.
//!    [`max_state_bytes`] limits its size.
//! 3. **A policy that extends the lifetime on reading.** It turns reads into writes. [`touch_fraction`] limits them
//!    to one write per twentieth of the lifetime.
//! 4. **Operations per master.** They reach the limit long before the memory does. Add masters: slots can be migrated
//!    while requests run. From `MIGRATING` until `NODE`, Redis refuses scripts on keys of which some are missing, so
//!    sign-ins and changes of sessions whose user is in that slot wait. They fail if the slot takes longer to move than the
//!    time limits of the store or of a request. Migrate such slots one after another.
//! 5. **SQL databases.** A change is a transaction on the disk. One server executes some thousands per second, while
//!    expired rows are deleted in batches. Beyond that, store sessions in Redis.
//! 6. **SQLite.** It is for one machine. Writes that are queued at the same time share a transaction.
//!
//! [`Loading::Lazy`]: crate::config::Loading::Lazy
//! [`TtlExtensionPolicy`]: crate::config::TtlExtensionPolicy
//! [`concurrent_requests`]: crate::guide::concurrent_requests
//! [`max_state_bytes`]: crate::config::Settings::max_state_bytes
//! [`touch_fraction`]: crate::config::Settings::touch_fraction
//! [benchmarks]: https://github.com/sessile-rs/sessile/blob/main/docs/benchmarks.md
//! [lazy loading]: crate::config::Loading::Lazy
//! [near cache]: crate::storage::RedisSessionStore#near-cache
