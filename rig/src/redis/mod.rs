//! Real Redis servers: a single server, one with TLS, a cluster, and a master and a replica with sentinels.
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
//! Every server listens on a free port of 127.0.0.1 and on a Unix socket in its temporary folder. The rig connects
//! through the socket as its own ACL user, `rig`. So it still has access if a test sets a password, requires TLS or cuts
//! the network.
//!
//! Acknowledged writes survive [`kill`](Redis::kill) and [`restart`](Redis::restart). Debugging commands are allowed.

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
