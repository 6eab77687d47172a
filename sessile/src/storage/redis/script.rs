//! The requests to a Redis server, and the script that makes a compare-and-swap atomic.
//!
//! Every operation is one command. A `create` is a plain `SET NX PX`; only an update needs the script. Since Redis
//! 5.0, replicas receive the effects of a script and not the script, hence the oldest version that is accepted.

use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest as _, Sha1};

use super::hex;

/// A script, and the hash that names it to a server that has seen it.
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    pub(super) fn new(source: &'static str) -> Self {
        let hash = hex(&Sha1::digest(source));
        Self { source, hash }
    }
}

static UPDATE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("script/update.lua")));

/// How a script is named to the server.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// By its hash. A server that has not seen the script since it started answers `NOSCRIPT`.
    ByHash,
    /// In full.
    InFull,
}

/// A request to a server.
pub(super) struct Request<'a> {
    pub(super) redis_key: &'a str,
    pub(super) action: Action<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Action<'a> {
    /// Gets the value.
    Get,
    /// Gets the value and its time to live in milliseconds. A node of a cluster that is asked for a slot
    /// which is on its way there answers with the value only.
    GetTimed,
    /// Stores `value` for `ttl` milliseconds, unless there is a value already.
    Create {
        value: &'a str,
        ttl: i64,
    },
    /// Runs the script that updates, with these arguments.
    Update(&'a [String]),
    Delete,
    /// Runs a script on several keys of one slot.
    Run {
        script: &'a Script,
        keys: &'a [String],
        arguments: &'a [String],
    },
    /// A write, and `GET` of these keys after it over the same connection. The reply has all of the values.
    BeforeReads(&'a Self, &'a [String]),
    /// Asks which node of the cluster serves which slots. Concerns no key.
    Slots,
    /// Runs a command of these words, with the Redis key in place of [`KEY`].
    Probe(&'a [&'a str]),
}

/// Stands for the Redis key in an [`Action::Probe`].
pub(super) const KEY: &str = "{key}";

impl Action<'_> {
    /// Whether the request may be sent again if the server may have executed it already. A delayed first `Create`
    /// could restore a session that was deleted after the second.
    pub(super) fn is_repeatable(self) -> bool {
        match self {
            Self::Create { .. } => false,
            Self::BeforeReads(write, _) => write.is_repeatable(),
            _ => true,
        }
    }

    /// Whether it writes to a session. A script may only read.
    #[cfg(feature = "redis-pool")]
    pub(super) fn is_write(self) -> bool {
        match self {
            Self::Create { .. } | Self::Update(_) | Self::Delete => true,
            Self::BeforeReads(write, _) => write.is_write(),
            _ => false,
        }
    }
}

impl Request<'_> {
    pub(super) fn command(&self, form: Form) -> Cmd {
        let key = self.redis_key;
        match (self.action, form) {
            (Action::BeforeReads(&action, _), form) => Self { action, ..*self }.command(form),
            (Action::Get | Action::GetTimed, _) => command(&["GET", key], &[]),
            (Action::Create { value, ttl }, _) => {
                let mut command = command(&["SET", key, value, "NX", "PX"], &[]);
                command.arg(ttl);
                command
            }
            (Action::Update(arguments), Form::ByHash) => {
                command(&["EVALSHA", &UPDATE.hash, "1", key], arguments)
            }
            (Action::Update(arguments), Form::InFull) => {
                command(&["EVAL", UPDATE.source, "1", key], arguments)
            }
            (Action::Delete, _) => command(&["DEL", key], &[]),
            (
                Action::Run {
                    script,
                    keys,
                    arguments,
                },
                form,
            ) => {
                let name = match form {
                    Form::ByHash => ["EVALSHA", &script.hash],
                    Form::InFull => ["EVAL", script.source],
                };
                let mut command = command(&name, &[]);
                command.arg(keys.len()).arg(keys).arg(arguments);
                command
            }
            (Action::Slots, _) => command(&["CLUSTER", "SLOTS"], &[]),
            (Action::Probe(words), _) => {
                let word = |&word| if word == KEY { key } else { word };
                command(&words.iter().map(word).collect::<Vec<_>>(), &[])
            }
        }
    }
}

fn command(words: &[&str], arguments: &[String]) -> Cmd {
    let size = words.iter().map(|word| word.len()).sum::<usize>()
        + arguments.iter().map(String::len).sum::<usize>();
    let mut command = Cmd::with_capacity(words.len() + arguments.len(), size);
    command.arg(words).arg(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(action: Action<'_>, form: Form) -> String {
        let redis_key = "a";
        let packed = Request { redis_key, action }
            .command(form)
            .get_packed_command();
        String::from_utf8(packed).unwrap()
    }

    #[test]
    fn a_request_is_one_command() {
        assert_eq!(
            packed(Action::Get, Form::ByHash),
            "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
        );
        let create = Action::Create {
            value: "v",
            ttl: 60,
        };
        assert_eq!(
            packed(create, Form::ByHash),
            "*6\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n$2\r\nNX\r\n$2\r\nPX\r\n$2\r\n60\r\n"
        );
        assert_eq!(
            packed(Action::Probe(&["PTTL", KEY]), Form::ByHash),
            "*2\r\n$4\r\nPTTL\r\n$1\r\na\r\n"
        );
        assert_eq!(
            packed(Action::Slots, Form::ByHash),
            "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n"
        );
    }

    #[test]
    fn a_script_is_sent_by_its_hash_or_in_full() {
        let hash = &UPDATE.hash;
        assert_eq!(hash.len(), 40);
        let arguments = ["x".to_owned()];
        assert_eq!(
            packed(Action::Update(&arguments), Form::ByHash),
            format!("*5\r\n$7\r\nEVALSHA\r\n$40\r\n{hash}\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\nx\r\n")
        );
        let in_full = packed(Action::Update(&arguments), Form::InFull);
        assert!(in_full.starts_with("*5\r\n$4\r\nEVAL\r\n") && in_full.contains("redis.call"));
    }
}
