//! The checks before a server is used: its version, the user's rights, and whether it evicts keys.

use std::{
    borrow::Cow,
    sync::{Arc, Once},
};

use redis::{Value, aio::MultiplexedConnection};

use super::{
    StoreError, StoreErrorKind,
    connection::{Connection, not_redis},
    error::Fault,
    request::Request,
};

/// The oldest supported version. See [`super::script`].
const OLDEST: &str = "5.0";

/// Checks that the server is a Redis of a sufficient version.
pub(super) async fn check_server(connection: &mut MultiplexedConnection) -> Result<(), Fault> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let answer = connection.send_packed_command(&info).await;
    match answer.and_then(Value::extract_error).map_err(not_redis) {
        Ok(info) => {
            let info = text(&info).ok_or(Fault::NotRedis)?;
            check_version(field(&info, "redis_version").ok_or(Fault::NotRedis)?)
        }
        // Some services and proxies don't offer the command, or not to every user.
        Err(fault) if fault.is_missing_right() || fault.is_unknown_command() => {
            warn_once(&fault);
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

fn warn_once(fault: &Fault) {
    static WARNED: Once = Once::new();
    let error: &(dyn std::error::Error + 'static) = fault;
    WARNED.call_once(|| {
        tracing::warn!(
            error,
            "Redis does not answer INFO: its version is not checked. Redis {OLDEST} or later is needed"
        );
    });
}

/// Whether a server of this version is new enough.
fn check_version(found: &str) -> Result<(), Fault> {
    let major = found.split('.').next().and_then(|part| part.parse().ok());
    match major {
        Some(5_u32..) => Ok(()),
        _ => Err(Fault::TooOld {
            oldest: OLDEST,
            found: found.chars().take(20).collect(),
        }),
    }
}

/// Fails if the user lacks a right, or if the server lacks a command. No session has the Redis key `key`, so no command
/// has an effect. Redis checks the right to run a command first.
pub(super) async fn check_rights(
    connection: &Connection,
    key: &str,
    has_near_cache: bool,
) -> Result<(), StoreError> {
    const READ: &str = "return redis.call('GETRANGE', KEYS[1], 0, 0)";
    const HASH_OF_NO_SCRIPT: &str = "0000000000000000000000000000000000000000";
    let commands: [&[&str]; 6] = [
        &["GET", key],
        &["SET", key, "", "XX"],
        &["DEL", key],
        &["GETRANGE", key, "0", "0"],
        &["EVAL", READ, "1", key],
        &["EVALSHA", HASH_OF_NO_SCRIPT, "1", key],
    ];
    let of_near_cache: &[&str] = &["PTTL", key];
    let of_near_cache = has_near_cache.then_some(of_near_cache);
    for words in commands.into_iter().chain(of_near_cache) {
        if let Err(cause) = connection.send(&Request::words(key, words)).await
            && let kind @ (StoreErrorKind::Denied | StoreErrorKind::Incompatible) = cause.kind()
        {
            let fault = Fault::MissingCommand {
                command: words[0].to_owned(),
                cause: Arc::new(cause),
            };
            return Err(StoreError::new(kind, fault).not_sent());
        }
    }
    Ok(())
}

/// Logs a warning if the server may evict sessions, or marks of sessions that were ended. If the
/// user lacks the right to read the settings, there is no warning.
pub(super) async fn warn_of_eviction(connection: &Connection) {
    let request = Request::words("", &["INFO", "memory"]);
    if let Ok(reply) = connection.send(&request).await
        && let Some(info) = text(&reply.value)
        && let Some(policy) = evicting_policy(&info)
    {
        tracing::warn!(
            policy,
            "Redis evicts keys when its memory is full: sessions may be lost, and ended sessions may be \
             valid again. Set its `maxmemory-policy` to `noeviction`"
        );
    }
}

/// The policy by which a server with this answer to `INFO memory` evicts keys, if it does.
fn evicting_policy(info: &str) -> Option<&str> {
    let has_limit = field(info, "maxmemory").is_some_and(|bytes| bytes != "0");
    field(info, "maxmemory_policy").filter(|policy| has_limit && *policy != "noeviction")
}

/// The text of a reply to `INFO`. Paths in it may be invalid UTF-8.
pub(super) fn text(info: &Value) -> Option<Cow<'_, str>> {
    match info {
        Value::BulkString(text) => Some(String::from_utf8_lossy(text)),
        Value::VerbatimString { text, .. } => Some(text.into()),
        _ => None,
    }
}

pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_named() {
        for version in ["5.0.0", "7.0.15", "255.255.255", "10.1"] {
            check_version(version).unwrap();
        }
        for version in ["2.8.24", "4.0.14", "", "x"] {
            let fault = check_version(version).unwrap_err();
            assert!(fault.to_string().contains(&format!("version {version},")));
            let kind = StoreError::from(fault).kind();
            assert_eq!(kind, StoreErrorKind::Incompatible);
        }
    }

    #[test]
    fn a_server_evicts_if_it_has_a_limit_and_a_policy() {
        for (info, policy) in [
            ("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", None),
            ("maxmemory:100\r\nmaxmemory_policy:noeviction\r\n", None),
            (
                "# Memory\r\nmaxmemory:100\r\nmaxmemory_human:1K\r\nmaxmemory_policy:volatile-lru\r\n",
                Some("volatile-lru"),
            ),
            ("", None),
        ] {
            assert_eq!(evicting_policy(info), policy, "{info}");
        }
    }
}
