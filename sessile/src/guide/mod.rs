//! The guide: pages for people with a task. All examples are compiled and run.

pub mod concurrent_requests;
#[cfg(feature = "actix")]
pub mod cookies_and_proxies;
#[cfg(feature = "actix")]
pub mod migrating_from_actix_session;
pub mod writing_a_store;
