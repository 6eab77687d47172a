//! [`RedisKeys`]: the Redis keys of sessions.

use std::sync::Arc;

use super::SessionId;

/// What is put before the id of a session, unless the application says otherwise.
const DEFAULT_PREFIX: &str = "sessile:";

/// How the Redis key of a session is made.
#[derive(Clone)]
pub(in crate::storage) enum RedisKeys {
    /// By putting this before its id. A session that actix-session made keeps its key.
    Prefix(Arc<str>),
    /// By a function, out of the text of its id, or out of the whole session key of one that actix-session made.
    Keygen(Arc<dyn Fn(&str) -> String + Send + Sync>),
}

impl RedisKeys {
    pub(in crate::storage) fn prefix(prefix: impl Into<String>) -> Self {
        Self::Prefix(prefix.into().into())
    }

    pub(in crate::storage) fn keygen<F>(keygen: F) -> Self
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        Self::Keygen(Arc::new(keygen))
    }

    /// The Redis key of the session with this id.
    pub(super) fn of(&self, id: &SessionId) -> String {
        let mut buffer = [0; SessionId::TEXT_LEN];
        match (self, id.actix_session_key()) {
            (Self::Prefix(_), Some(key)) => key.to_owned(),
            (Self::Prefix(prefix), None) => [prefix, id.encode(&mut buffer)].concat(),
            (Self::Keygen(keygen), Some(key)) => keygen(key),
            (Self::Keygen(keygen), None) => keygen(id.encode(&mut buffer)),
        }
    }

    /// What the Redis keys of an index have in common. `text` is no id, and no session key.
    pub(super) fn of_index(&self, text: &str) -> String {
        match self {
            Self::Prefix(prefix) => [prefix, text].concat(),
            Self::Keygen(keygen) => keygen(text),
        }
    }
}

impl Default for RedisKeys {
    fn default() -> Self {
        Self::prefix(DEFAULT_PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_for_ids_and_a_function_for_keys_of_actix_session_as_well() {
        let id: SessionId = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let key = "uQDe6RWkNV9zXXBKfqIvtCw7XKQ0o8ZyGxGcsmnPkJ3YJ0uH2Dqk5E4YpFvRAb1T";
        let old = SessionId::of_actix_session(key);
        let keygen = RedisKeys::keygen(|text| format!("{}/", &text[..4]));
        for (keys, expected, expected_old) in [
            (RedisKeys::default(), "sessile:AAAAAAAAAAAAAAAAAAAAAA", key),
            (RedisKeys::prefix("app:"), "app:AAAAAAAAAAAAAAAAAAAAAA", key),
            (RedisKeys::prefix(""), "AAAAAAAAAAAAAAAAAAAAAA", key),
            (keygen, "AAAA/", "uQDe/"),
        ] {
            assert_eq!(keys.of(&id), expected);
            assert_eq!(keys.of(&old), expected_old);
        }
    }
}
