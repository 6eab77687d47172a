//! Finding the sessions of a store by their Redis keys, with `SCAN` on every server.
//!
//! A scan shows a key that is there from its beginning to its end at least once. That holds for one process of Redis: the
//! cursor of one means nothing to another. So the scan begins again if the server was restarted, or if another one has taken its
//! place.

use redis::Value;

use super::{
    RedisSessionStore,
    checks::{field, text},
    request::{Request, parse},
};
use crate::{
    random,
    record::actix_session,
    storage::{SessionId, StoreError, StoreErrorKind},
};

/// About how many keys a server looks at for one `SCAN`, at most. It executes nothing else meanwhile.
pub(super) const SCANNED_AT_ONCE: u32 = 1000;

/// The number of sessions that are read or deleted at the same time.
pub(super) const AT_ONCE: usize = 32;

/// The position at which a scan continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// The layout of the cluster when the scan began.
    layout: u64,
    /// Which of the servers it is at.
    server: usize,
    kind: Kind,
    /// The cursor of Redis.
    cursor: u64,
    /// The process that the cursor is from: see [`process`].
    process: u64,
}

/// The result of one `SCAN`.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) ids: Vec<SessionId>,
    /// Whether the scan began with it, perhaps again.
    pub(super) is_first: bool,
    /// The next position; `None` at the end.
    pub(super) next: Option<Position>,
}

impl Position {
    const fn start(layout: u64) -> Self {
        Self {
            layout,
            server: 0,
            kind: Kind::Own,
            cursor: 0,
            process: 0,
        }
    }

    /// The position after a `SCAN` that this process answered with this cursor.
    fn after(self, cursor: u64, process: u64) -> Self {
        match (cursor, self.kind) {
            (0, Kind::Own) => Self {
                kind: Kind::ActixSession,
                server: self.server,
                ..Self::start(self.layout)
            },
            (0, Kind::ActixSession) => Self {
                server: self.server + 1,
                ..Self::start(self.layout)
            },
            _ => Self {
                cursor,
                process,
                ..self
            },
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let position = Self {
            layout: parts.next()?.parse().ok()?,
            server: parts.next()?.parse().ok()?,
            kind: match parts.next()? {
                "0" => Kind::Own,
                "1" => Kind::ActixSession,
                _ => return None,
            },
            cursor: parts.next()?.parse().ok()?,
            process: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(position)
    }

    pub(super) fn text(&self) -> String {
        let Self {
            layout,
            server,
            kind,
            cursor,
            process,
        } = self;
        format!("{layout}-{server}-{}-{cursor}-{process}", *kind as u8)
    }
}

impl RedisSessionStore {
    /// Finds sessions with one `SCAN`, which looks at about `count` keys. If the layout of the cluster has changed since
    /// the scan began, or another process of Redis answers, it begins again.
    pub(super) async fn scan(
        &self,
        from: Option<Position>,
        count: u32,
    ) -> Result<Scanned, StoreError> {
        match self.scan_on(from, count).await? {
            Some(scanned) => Ok(scanned),
            // From the start, there is no cursor of another process.
            None => Ok(self.scan_on(None, count).await?.unwrap_or_default()),
        }
    }

    /// The same; `None` if the cursor is from another process.
    async fn scan_on(
        &self,
        from: Option<Position>,
        count: u32,
    ) -> Result<Option<Scanned>, StoreError> {
        let (servers, layout) = self.connection.servers().await?;
        let from = from.filter(|it| it.layout == layout);
        let is_first = from.is_none();
        let position = from.unwrap_or(Position::start(layout));
        let Some(server) = servers.get(position.server) else {
            return Ok(Some(Scanned {
                is_first,
                ..Scanned::default()
            }));
        };
        let form = self.form_of_keys(position.kind)?;
        let (cursor, pattern) = (position.cursor.to_string(), form.pattern());
        let count = count.min(SCANNED_AT_ONCE).to_string();
        let words = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", &count];
        let request = Request::words_on("", &words, &["INFO", "server"]);
        let reply = self.connection.send_to(server.as_ref(), &request).await?;
        let process = process(&reply.reads);
        if position.cursor != 0 && position.process != process {
            return Ok(None);
        }
        let (cursor, redis_keys): (u64, Vec<Vec<u8>>) = parse(reply.value)?;
        let next = position.after(cursor, process);
        // Redis keys that are not UTF-8 belong to other programs.
        let texts = redis_keys.iter().flat_map(|key| std::str::from_utf8(key));
        Ok(Some(Scanned {
            ids: texts.filter_map(|key| form.id(key)).collect(),
            is_first,
            next: (next.server < servers.len()).then_some(next),
        }))
    }

    /// The common form of the Redis keys of these sessions.
    fn form_of_keys(&self, kind: Kind) -> Result<KeyForm, StoreError> {
        let text = kind.example();
        let redis_key = kind.id(&text).map(|id| self.redis_key(&id));
        let parts = redis_key.as_deref().and_then(|key| key.split_once(&text));
        let (prefix, suffix) = parts.ok_or_else(|| {
            let cause = "the Redis keys that `cache_keygen` makes do not contain the session's id, so the \
                         sessions can't be found";
            StoreError::new(StoreErrorKind::Unsupported, cause).not_sent()
        })?;
        Ok(KeyForm {
            prefix: prefix.to_owned(),
            kind,
            suffix: suffix.to_owned(),
        })
    }
}

/// A number for the process that answered with this `INFO`; the same one for all processes if the user may not read it.
fn process(info: &[Value]) -> u64 {
    let info = info.first().and_then(text);
    let run_id = info.as_deref().and_then(|info| field(info, "run_id"));
    // It has 40 hexadecimal digits.
    run_id
        .and_then(|id| u64::from_str_radix(id.get(..15)?, 16).ok())
        .unwrap_or(0)
}

/// The origin of sessions, which determines the form of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Own = 0,
    ActixSession = 1,
}

impl Kind {
    /// The text of an id that no session has.
    fn example(self) -> String {
        match self {
            Self::Own => SessionId::generate().to_string(),
            Self::ActixSession => format!("{:064x}", u64::from_be_bytes(random::bytes())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_text() {
        let position = Position::start(7).after(5, 3).after(0, 3).after(18, 4);
        assert_eq!(position.text(), "7-0-1-18-4");
        assert_eq!(Position::parse("7-0-1-18-4"), Some(position.clone()));
        assert_eq!(position.after(0, 4).text(), "7-1-0-0-0");
        for text in [
            "",
            "7",
            "7-0-1",
            "7-0-1-18",
            "7-0-2-18-4",
            "7-0-1-*-4",
            "7-0-1-18-4-",
            "-1-0-1-18-4",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_process_has_a_number() {
        let info = |text: &str| [Value::BulkString(text.into())];
        let run_id = "run_id:0123456789abcdef0123456789abcdef01234567\r\n";
        assert_eq!(process(&info(run_id)), 0x012_3456_789a_bcde);
        for unknown in [
            "",
            "run_id:",
            "run_id:x123456789abcdef",
            "redis_version:7.0.15",
        ] {
            assert_eq!(process(&info(unknown)), 0, "{unknown}");
        }
        assert_eq!(process(&[]), 0);
    }

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
