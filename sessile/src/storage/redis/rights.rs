//! The rights that a user needs, checked before the store is used.

use std::sync::Arc;

use super::{
    StoreError, StoreErrorKind,
    connection::Connection,
    error::Fault,
    script::{Action, KEY, Request},
};

/// A command that the store needs, in a form that does nothing with a key that does not exist.
type Probe = &'static [&'static str];

/// Redis checks the right to run a command before it looks at anything else.
const PROBES: [Probe; 6] = [
    &["GET", KEY],
    &["SET", KEY, "", "XX"],
    &["DEL", KEY],
    &["GETRANGE", KEY, "0", "0"],
    &[
        "EVAL",
        "return redis.call('GETRANGE', KEYS[1], 0, 0)",
        "1",
        KEY,
    ],
    // No script has this hash.
    &[
        "EVALSHA",
        "0000000000000000000000000000000000000000",
        "1",
        KEY,
    ],
];

/// For the near cache.
const NEAR_CACHE_PROBE: Probe = &["PTTL", KEY];

/// Fails if the user lacks a right, or the server a command. `redis_key` is the key of a session that does not exist.
pub(super) async fn check(
    connection: &Connection,
    redis_key: &str,
    has_near_cache: bool,
) -> Result<(), StoreError> {
    let near_cache = has_near_cache.then_some(NEAR_CACHE_PROBE);
    for probe in PROBES.into_iter().chain(near_cache) {
        let action = Action::Probe(probe);
        if let Err(cause) = connection.send(&Request { redis_key, action }).await
            && let kind @ (StoreErrorKind::Denied | StoreErrorKind::Incompatible) = cause.kind()
        {
            let fault = Fault::MissingCommand {
                command: probe[0],
                cause: Arc::new(cause),
            };
            return Err(StoreError::new(kind, fault).not_sent());
        }
    }
    Ok(())
}
