//! The middleware over HTTP, with real servers, real sockets, and the exact bytes of headers.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod acceptance;
#[path = "../../examples/audit.rs"]
mod audit_example;
mod authentication;
mod bad_cookies;
mod builder;
mod caches;
mod client;
mod cookie_attributes;
mod csrf;
mod device_lists;
#[path = "../../examples/devices.rs"]
mod devices;
mod ending;
#[path = "../../examples/ending_cookies.rs"]
mod ending_cookies_example;
mod errors;
mod examples;
mod extractors;
mod failure_pages;
mod failures;
mod flashes;
#[path = "../../examples/forms/before.rs"]
mod form_before_example;
#[path = "../../examples/forms/main.rs"]
mod forms_example;
mod handle_methods;
mod handles;
mod http2;
mod keys;
#[path = "../../examples/keys.rs"]
mod keys_example;
mod late_reads;
mod lazy_loading;
mod lazy_loading_handles;
mod lazy_loading_limits;
mod lifetimes;
mod log;
mod log_secrets;
mod login_races;
mod markers;
mod nesting;
mod races;
mod renewing;
mod rotation;
mod saving;
mod script;
mod sealed_cookies;
#[path = "../shared/server.rs"]
mod server;
mod serving_empty;
mod session_header;
mod setup;
mod several_cookies;
#[path = "../../examples/shop.rs"]
mod shop_example;
#[path = "../../examples/site_and_api.rs"]
mod site_and_api_example;
mod strict;
mod superseded_handles;
mod table;
mod testing;
mod watched;
