//! The guide: pages for people with a task. All examples are compiled and run.

#[cfg(feature = "actix")]
pub mod cookies_and_proxies;
pub mod writing_a_store;
