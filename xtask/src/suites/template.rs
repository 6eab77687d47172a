//! The code and manifest around the tests of actix-session in the generated crates.

/// The features and dependencies of the tests and examples. The features are those in their `cfg` attributes.
pub(crate) const MANIFEST: &str = r#"
[features]
default = ["redis-pool", "redis-session"]
redis-pool = []
redis-session = []

[dependencies]
actix-test = { version = "0.1", default-features = false }
actix-web = { version = "4", default-features = false, features = ["cookies", "macros", "secure-cookies"] }
anyhow = "1"
deadpool-redis = "0.23"
env_logger = { version = "0.11", default-features = false }
log = "0.4"
rand = "0.8"
redis = { version = "1", default-features = false }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
sessile-rig = { path = "../../../../rig", default-features = false }
time = "0.3"
tracing = "0.1"

[dependencies.actix_session]
package = "sessile"
path = "../../../../sessile"
features = ["compat", "cookie-session", "redis-actor-session", "redis-pool", "redis-session"]
"#;

/// The root of a crate, with the items that the tests import from `crate::`.
pub(crate) const ROOT: &str = "\
#![allow(warnings)]

pub use actix_session::*;

#[cfg(test)]
mod middleware {
    pub(crate) use actix_session::SessionLength;
}

#[cfg(test)]
mod redis_server {
    use std::sync::{LazyLock, Mutex};

    use sessile_rig::redis::Redis;

    /// The server ends with the process.
    static SERVER: LazyLock<Mutex<Redis>> =
        LazyLock::new(|| Mutex::new(Redis::start().expect(\"Redis starts\")));

    pub(crate) fn url() -> String {
        SERVER.lock().unwrap().url()
    }

    pub(crate) fn address() -> String {
        format!(\"127.0.0.1:{}\", SERVER.lock().unwrap().port())
    }
}
";

/// The beginning of the module `storage`.
pub(crate) const STORAGE: &str = "\
pub use actix_session::storage::*;

pub(crate) mod utils {
    pub(crate) use actix_session::storage::generate_session_key;
}
";

/// The beginning of a file in the module `storage`.
pub(crate) const STORE: &str = "use super::*;\n\n";
