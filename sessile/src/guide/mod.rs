//! The guide: a page for each task. All examples are compiled and run.
//!
//! | you want to | page |
//! | --- | --- |
//! | decide where sessions are stored | [`choosing_a_store`] |
//! | sign users in and out, and protect pages | [`signing_in`] |
//! | keep users signed in for weeks | [`remember_me`] |
//! | list a user's devices, and log out everywhere | [`devices`] |
//! | choose timeouts | [`how_long_sessions_live`] |
//! | replace the secret in the cookie regularly | [`timed_rotation`] |
//! | choose the cookie's settings, or run behind a cache or a proxy | [`cookies_and_proxies`] |
//! | use a struct for the session's data, or show a message after a redirect | [`data_and_messages`] |
//! | protect forms against requests from other sites | [`forms`] |
//! | change one session in several requests at once | [`concurrent_requests`] |
//! | move to another store without signing users out | [`moving_stores`] |
//! | test an application | [`testing`] |
//! | replace actix-session | [`migrating_from_actix_session`] |
//! | store the sealing key, or replace it | [`replacing_keys`] |
//! | keep an audit trail, or close sockets when a user signs out | [`audit_trails`] |
//! | monitor sessions in production | [`logs_and_metrics`] |
//! | administer the tables of a PostgreSQL, MySQL or MariaDB database | [`databases`] |
//! | check the health of the store, shut down, or list and end the sessions of all visitors | [`administration`] |
//! | know what happens when a server of the store fails | [`failover`] |
//! | estimate what many sessions need | [`scaling`] |
//! | know what a flood of visitors costs, and set rate limits | [`anonymous_floods`] |
//! | review the security of an application | [`security`] |
//! | store sessions in another database or service | [`writing_a_store`] |
//!
//! The settings are documented where they are set: [`config::Settings`](crate::config::Settings).

// Without the adapter or the helpers, some of the pages are missing.
#![cfg_attr(not(feature = "test-helpers"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "actix")]
pub mod administration;
#[cfg(feature = "actix")]
#[doc = include_str!("anonymous_floods.md")]
pub mod anonymous_floods {}
#[cfg(feature = "actix")]
pub mod audit_trails;
pub mod choosing_a_store;
pub mod concurrent_requests;
#[cfg(feature = "actix")]
pub mod cookies_and_proxies;
#[cfg(feature = "actix")]
pub mod data_and_messages;
#[doc = include_str!("databases.md")]
pub mod databases {}
#[cfg(feature = "actix")]
pub mod devices;
#[doc = include_str!("failover.md")]
pub mod failover {}
#[cfg(feature = "actix")]
pub mod forms;
pub mod how_long_sessions_live;
pub mod logs_and_metrics;
#[cfg(feature = "actix")]
pub mod migrating_from_actix_session;
pub mod moving_stores;
#[cfg(feature = "actix")]
pub mod remember_me;
#[cfg(feature = "actix")]
#[doc = include_str!("replacing_keys.md")]
pub mod replacing_keys {}
pub mod scaling;
pub mod security;
#[cfg(feature = "actix")]
pub mod signing_in;
#[cfg(feature = "test-helpers")]
pub mod testing;
pub mod timed_rotation;
pub mod writing_a_store;
