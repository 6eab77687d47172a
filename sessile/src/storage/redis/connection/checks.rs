//! The checks before a server is used.

use std::sync::Once;

use redis::{Value, aio::MultiplexedConnection};

use super::{super::error::Fault, connect::not_redis};

/// The oldest supported version. See [`super::super::script`].
const OLDEST: &str = "5.0";

/// Checks that the server is a Redis of a sufficient version.
pub(super) async fn check_server(connection: &mut MultiplexedConnection) -> Result<(), Fault> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let answer = connection
        .send_packed_command(&info)
        .await
        .and_then(Value::extract_error)
        .map_err(not_redis);
    let text = match answer {
        Ok(Value::BulkString(text)) => text,
        Ok(Value::VerbatimString { text, .. }) => text.into_bytes(),
        Ok(_) => return Err(Fault::NotRedis),
        // Some services and proxies don't offer the command, or not to every user.
        Err(fault) if fault.is_missing_right() || fault.is_unknown_command() => {
            warn_once(&fault);
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    let text = String::from_utf8_lossy(&text);
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("redis_version:"));
    version.map_or(Err(Fault::NotRedis), check_version)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{StoreError, StoreErrorKind};

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
}
