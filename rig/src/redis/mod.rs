//! Real Redis servers: one alone, one that speaks TLS, a cluster, and a pair watched by sentinels.
//!
//! ```
//! use sessile_rig::redis::{Redis, Reply};
//!
//! let mut redis = Redis::start()?;
//! assert!(redis.command(&["SET", "key", "value"])?.is_ok());
//!
//! redis.kill()?;
//! redis.restart()?;
//!
//! assert_eq!(redis.command(&["GET", "key"])?, Reply::from("value"));
//! # Ok::<(), sessile_rig::Error>(())
//! ```
//!
//! Every server listens on a free port of 127.0.0.1 and on a unix socket in its temporary folder. The rig itself
//! talks through the socket and as an ACL user of its own, `rig`, so that it still gets in when a test sets a
//! password, demands TLS or cuts the network.
//!
//! Servers keep what they answered for across [`kill`](Redis::kill) and [`restart`](Redis::restart), and debugging
//! commands are allowed.

#[cfg(feature = "tls")]
mod certificates;
mod cluster;
mod config;
mod connection;
mod migration;
mod reply;
mod sentinel;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod topology;

pub(crate) use reply::decode;

pub use cluster::Cluster;
pub use reply::Reply;
pub use sentinel::Sentinel;
pub use server::Redis;
#[cfg(feature = "tls")]
pub use tls::TlsRedis;
