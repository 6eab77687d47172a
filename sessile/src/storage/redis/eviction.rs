//! A warning about servers that evict keys.

use redis::Value;

use super::{
    connection::Connection,
    script::{Action, Request},
};

/// Logs a warning if the server may evict sessions, or marks of sessions that were ended. If the
/// user lacks the right to read the settings, there is no warning.
pub(super) async fn warn_if_possible(connection: &Connection) {
    let request = Request {
        redis_key: "",
        action: Action::Probe(&["INFO", "memory"]),
    };
    let Ok(reply) = connection.send(&request).await else {
        return;
    };
    let text = match &reply.value {
        Value::BulkString(text) => String::from_utf8_lossy(text),
        Value::VerbatimString { text, .. } => text.into(),
        _ => return,
    };
    if let Some(policy) = evicting_policy(&text) {
        tracing::warn!(
            policy,
            "Redis evicts keys when its memory is full: sessions may be lost, and ended sessions may be \
             valid again. Set its `maxmemory-policy` to `noeviction`"
        );
    }
}

/// The policy by which a server with this answer to `INFO memory` evicts keys, if it does.
fn evicting_policy(info: &str) -> Option<&str> {
    let field = |name: &str| {
        let mut lines = info.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let has_limit = field("maxmemory").is_some_and(|bytes| bytes != "0");
    field("maxmemory_policy").filter(|policy| has_limit && *policy != "noeviction")
}

#[cfg(test)]
mod tests {
    use super::*;

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
