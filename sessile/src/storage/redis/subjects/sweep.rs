//! Deleting all sessions of a store.

use futures_util::future::try_join_all;
use redis::Value;

use super::super::{
    RedisSessionStore,
    connection::Server,
    error::Fault,
    hex,
    script::{Action, Request},
};
use crate::{
    clock::Timestamp,
    random,
    record::actix_session,
    storage::{SessionId, StoreError, StoreErrorKind},
};

/// How many sessions are deleted at the same time.
const AT_ONCE: usize = 32;

impl RedisSessionStore {
    /// Deletes all sessions, on all servers. Returns the newest sign-in of them.
    pub(super) async fn delete_everything(&self) -> Result<Option<Timestamp>, StoreError> {
        let forms = [
            self.form_of_keys(Kind::Own)?,
            self.form_of_keys(Kind::ActixSession)?,
        ];
        let mut newest = None;
        for server in self.connection.servers().await? {
            for form in &forms {
                newest = newest.max(self.delete_everything_on(&server, form).await?);
            }
        }
        Ok(newest)
    }

    async fn delete_everything_on(
        &self,
        server: &Server,
        form: &KeyForm,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut newest = None;
        let pattern = form.pattern();
        let mut cursor = "0".to_owned();
        loop {
            let request = Request {
                redis_key: "",
                action: Action::Probe(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"]),
            };
            let reply = self.connection.send_to(server, &request).await?;
            let (next, redis_keys) = page(reply).ok_or(Fault::UnexpectedReply)?;
            let ids: Vec<_> = redis_keys.iter().filter_map(|key| form.id(key)).collect();
            for ids in ids.chunks(AT_ONCE) {
                let deleted = try_join_all(ids.iter().map(|id| self.delete_session(id))).await?;
                newest = newest.max(deleted.into_iter().max().flatten());
            }
            cursor = next;
            if cursor == "0" {
                return Ok(newest);
            }
        }
    }

    /// Deletes what is under the Redis key of `id`, if it is a session. The database may be shared. Returns when the session
    /// signed in, if it did.
    async fn delete_session(&self, id: &SessionId) -> Result<Option<Timestamp>, StoreError> {
        let signed_in_at = match self.fetch(&self.redis_key(id), id).await {
            Ok(None) => return Ok(None),
            Ok(Some(loaded)) => loaded.record.signed_in_at(),
            Err(error) => match error.kind() {
                StoreErrorKind::Corrupt => return Ok(None),
                StoreErrorKind::Newer => None,
                _ => return Err(error),
            },
        };
        self.delete_record(id).await?;
        Ok(signed_in_at)
    }

    /// What the Redis keys of these sessions have in common.
    fn form_of_keys(&self, kind: Kind) -> Result<KeyForm, StoreError> {
        let text = kind.example();
        let redis_key = kind.id(&text).map(|id| self.redis_key(&id));
        let parts = redis_key.as_deref().and_then(|key| key.split_once(&text));
        let (prefix, suffix) = parts.ok_or_else(|| {
            let cause = "the Redis keys that `cache_keygen` makes do not contain the session's id, so the \
                         sessions can't be found";
            StoreError::new(StoreErrorKind::Misconfigured, cause)
        })?;
        Ok(KeyForm {
            prefix: prefix.to_owned(),
            kind,
            suffix: suffix.to_owned(),
        })
    }
}

/// Where sessions come from, which decides about their keys.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Own,
    ActixSession,
}

impl Kind {
    /// The text of an id that no session has.
    fn example(self) -> String {
        match self {
            Self::Own => SessionId::generate().to_string(),
            Self::ActixSession => hex(&random::bytes::<32>()),
        }
    }

    /// The session that has this text in its Redis key.
    fn id(self, text: &str) -> Option<SessionId> {
        match self {
            Self::Own => text.parse().ok(),
            Self::ActixSession => {
                actix_session::is_key(text).then(|| SessionId::of_actix_session(text))
            }
        }
    }
}

/// The Redis keys of sessions: a text between a prefix and a suffix.
struct KeyForm {
    prefix: String,
    kind: Kind,
    suffix: String,
}

impl KeyForm {
    /// The pattern that all keys of this form match.
    fn pattern(&self) -> String {
        let any = "?".repeat(self.kind.example().len());
        [literal(&self.prefix), any, literal(&self.suffix)].concat()
    }

    /// The session that has this Redis key, if it is a key of one.
    fn id(&self, redis_key: &str) -> Option<SessionId> {
        let text = redis_key.strip_prefix(&self.prefix)?;
        self.kind.id(text.strip_suffix(&self.suffix)?)
    }
}

/// A pattern that matches `text` only.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}

/// The next cursor and the keys in a reply to `SCAN`. Keys that are not text are of others.
fn page(reply: Value) -> Option<(String, Vec<String>)> {
    let Value::Array(parts) = reply else {
        return None;
    };
    let [Value::BulkString(cursor), Value::Array(keys)] = parts.as_slice() else {
        return None;
    };
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    };
    let cursor = String::from_utf8(cursor.clone()).ok()?;
    Some((cursor, keys.iter().filter_map(text).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_text_between_a_prefix_and_a_suffix() {
        let form = |kind| KeyForm {
            prefix: "a*[b]:{".to_owned(),
            kind,
            suffix: "}".to_owned(),
        };
        let own = form(Kind::Own);
        assert_eq!(own.pattern(), r"a\*\[b\]:{??????????????????????}");
        let actix_key = "a".repeat(64);
        let id = SessionId::from_bytes([0; 16]);
        for (key, found) in [
            ("a*[b]:{AAAAAAAAAAAAAAAAAAAAAA}".to_owned(), Some(id)),
            (format!("a*[b]:{{{actix_key}}}"), None),
            ("a*[b]:{}".to_owned(), None),
            ("a*[b]:{subject:{AAAAAAAAAAAAAAAAAAAAAA}}".to_owned(), None),
            ("AAAAAAAAAAAAAAAAAAAAAA".to_owned(), None),
        ] {
            assert_eq!(own.id(&key), found, "{key}");
        }
        let found = form(Kind::ActixSession).id(&format!("a*[b]:{{{actix_key}}}"));
        assert_eq!(found, Some(SessionId::of_actix_session(&actix_key)));
    }
}
