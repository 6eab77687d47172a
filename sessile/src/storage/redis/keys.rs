//! [`RedisKeys`]: the Redis keys of sessions.

use std::sync::Arc;

use super::SessionId;

/// The default prefix of Redis keys.
const DEFAULT_PREFIX: &str = "sessile:";

/// How the Redis key of a session is made.
#[derive(Clone)]
pub(super) enum RedisKeys {
    /// This prefix, followed by the id. A session that actix-session created keeps its key.
    Prefix(Arc<str>),
    /// A function of the text of the id, or of the whole session key of a session that
    /// actix-session created.
    Keygen(Arc<dyn Fn(&str) -> String + Send + Sync>),
}

impl RedisKeys {
    pub(super) fn prefix(prefix: impl Into<String>) -> Self {
        Self::Prefix(prefix.into().into())
    }

    pub(super) fn keygen<F>(keygen: F) -> Self
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

    /// The common prefix of an index's Redis keys. `text` is neither an id nor a session key.
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
