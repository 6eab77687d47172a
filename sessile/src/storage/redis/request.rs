//! The requests to a Redis server.
//!
//! A request is one command, with reads after it if needed. A create is a plain `SET NX PX`; an update runs a
//! [script](super::script).

use redis::{Arg, Cmd, FromRedisValue, Pipeline, Value};

use super::{
    error::Fault,
    script::{Script, UPDATE},
};

/// A request to a server.
pub(super) struct Request<'a> {
    /// The key that decides which node of a cluster serves it. Empty if every node does.
    pub(super) redis_key: &'a str,
    pub(super) commands: Commands,
    /// The script that the first command names by its hash.
    script: Option<&'static Script>,
    effect: Effect,
}

/// The commands of a request.
pub(super) enum Commands {
    One(Cmd),
    /// A command, and reads that are sent together with it over the same connection. If the slot is still moving to the
    /// node, only the command is sent, because `ASKING` allows one command.
    WithReads(Pipeline),
}

/// What a request does to a session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Create,
    Change,
}

impl<'a> Request<'a> {
    fn new(redis_key: &'a str, commands: Commands) -> Self {
        Self {
            redis_key,
            commands,
            script: None,
            effect: Effect::None,
        }
    }

    /// A command of these words, which changes no session.
    pub(super) fn words(redis_key: &'a str, words: &[&str]) -> Self {
        Self::new(redis_key, Commands::One(command(words, &[])))
    }

    /// A command of these words, which changes no session, and a read that the same server executes after it.
    pub(super) fn words_on(redis_key: &'a str, words: &[&str], read: &[&str]) -> Self {
        let commands = Commands::new(command(words, &[]), [command(read, &[])]);
        Self::new(redis_key, commands)
    }

    /// Gets the value.
    pub(super) fn get(redis_key: &'a str) -> Self {
        Self::words(redis_key, &["GET", redis_key])
    }

    /// Gets the value, and reads its time to live in milliseconds. A change in between is announced before the second reply.
    pub(super) fn get_timed(redis_key: &'a str) -> Self {
        Self::words_on(redis_key, &["GET", redis_key], &["PTTL", redis_key])
    }

    /// Stores `value` for `ttl` milliseconds, unless there is a value already. Gets the values of `reads` after that.
    pub(super) fn create(redis_key: &'a str, value: &str, ttl: i64, reads: &[String]) -> Self {
        let mut set = command(&["SET", redis_key, value, "NX", "PX"], &[]);
        set.arg(ttl);
        Self {
            effect: Effect::Create,
            ..Self::new(redis_key, Commands::new(set, gets(reads)))
        }
    }

    /// Runs the script that updates, with these arguments. Gets the values of `reads` after that.
    pub(super) fn update(redis_key: &'a str, arguments: &[String], reads: &[String]) -> Self {
        let run = command(&["EVALSHA", &UPDATE.hash, "1", redis_key], arguments);
        Self {
            script: Some(&UPDATE),
            effect: Effect::Change,
            ..Self::new(redis_key, Commands::new(run, gets(reads)))
        }
    }

    pub(super) fn delete(redis_key: &'a str) -> Self {
        Self {
            effect: Effect::Change,
            ..Self::words(redis_key, &["DEL", redis_key])
        }
    }

    /// Runs a script on several keys of one slot, which are not keys of sessions.
    pub(super) fn run(script: &'static Script, keys: &'a [String], arguments: &[String]) -> Self {
        let mut run = command(&["EVALSHA", &script.hash], &[]);
        run.arg(keys.len()).arg(keys).arg(arguments);
        Self {
            script: Some(script),
            ..Self::new(&keys[0], Commands::One(run))
        }
    }

    /// Whether the request may be sent again if the server may have executed it already. A delayed first create
    /// could restore a session that was deleted after the second.
    pub(super) fn is_repeatable(&self) -> bool {
        self.effect != Effect::Create
    }

    /// Whether a server that gave this reply has executed a write. A script reads first, and then may write nothing.
    pub(super) fn has_written(&self, reply: &Value) -> bool {
        match (self.effect, self.script) {
            (Effect::None, _) => false,
            (Effect::Create | Effect::Change, None) => true,
            (Effect::Create | Effect::Change, Some(_)) => {
                matches!(reply, Value::BulkString(word) if word == b"updated")
            }
        }
    }

    /// The commands with the script in full, for a server that has not seen the script since it started.
    pub(super) fn in_full(&self) -> Option<Commands> {
        let mut in_full = command(&["EVAL", self.script?.source], &[]);
        let mut commands = self.commands.iter();
        for argument in commands.next()?.args_iter().skip(2) {
            if let Arg::Simple(bytes) = argument {
                in_full.arg(bytes);
            }
        }
        Some(Commands::new(in_full, commands.cloned()))
    }
}

impl Commands {
    fn new(first: Cmd, reads: impl IntoIterator<Item = Cmd>) -> Self {
        let mut reads = reads.into_iter();
        let Some(read) = reads.next() else {
            return Self::One(first);
        };
        let mut all = Pipeline::with_capacity(3);
        all.add_command(first).add_command(read);
        reads.for_each(|read| _ = all.add_command(read));
        Self::WithReads(all)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Cmd> {
        let (one, all) = match self {
            Self::One(command) => (Some(command), None),
            Self::WithReads(all) => (None, Some(all.cmd_iter())),
        };
        one.into_iter().chain(all.into_iter().flatten())
    }
}

fn gets(keys: &[String]) -> impl Iterator<Item = Cmd> {
    keys.iter().map(|key| command(&["GET", key], &[]))
}

fn command(words: &[&str], arguments: &[String]) -> Cmd {
    let size = words.iter().map(|word| word.len()).sum::<usize>()
        + arguments.iter().map(String::len).sum::<usize>();
    let mut command = Cmd::with_capacity(words.len() + arguments.len(), size);
    command.arg(words).arg(arguments);
    command
}

/// The reply as a `T`.
pub(super) fn parse<T: FromRedisValue>(reply: Value) -> Result<T, Fault> {
    redis::from_redis_value(reply.extract_error()?).map_err(|_| Fault::UnexpectedReply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(commands: &Commands) -> String {
        let packed = commands.iter().map(Cmd::get_packed_command);
        String::from_utf8(packed.collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn requests_have_these_commands() {
        let reads = ["b".to_owned()];
        for (request, expected) in [
            (Request::get("a"), "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
            (
                Request::create("a", "v", 60, &[]),
                "*6\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n$2\r\nNX\r\n$2\r\nPX\r\n$2\r\n60\r\n",
            ),
            (
                Request::create("a", "v", 60, &reads),
                "*6\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n$2\r\nNX\r\n$2\r\nPX\r\n$2\r\n60\r\n\
                 *2\r\n$3\r\nGET\r\n$1\r\nb\r\n",
            ),
            (Request::delete("a"), "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"),
            (
                Request::words("", &["CLUSTER", "SLOTS"]),
                "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n",
            ),
        ] {
            assert_eq!(packed(&request.commands), expected);
            assert!(request.in_full().is_none(), "{expected}");
        }
    }

    #[test]
    fn a_script_is_sent_by_its_hash_or_in_full() {
        let hash = &UPDATE.hash;
        assert_eq!(hash.len(), 40);
        let request = Request::update("a", &["x".to_owned()], &["b".to_owned()]);
        let end = "\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\nx\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n";
        assert_eq!(
            packed(&request.commands),
            format!("*5\r\n$7\r\nEVALSHA\r\n$40\r\n{hash}{end}")
        );
        let in_full = packed(&request.in_full().unwrap());
        assert!(in_full.starts_with("*5\r\n$4\r\nEVAL\r\n") && in_full.contains("redis.call"));
        assert!(in_full.ends_with(end));
    }

    #[test]
    fn only_a_create_is_not_repeatable() {
        assert!(!Request::create("a", "v", 60, &[]).is_repeatable());
        for request in [
            Request::get("a"),
            Request::update("a", &[], &[]),
            Request::delete("a"),
        ] {
            assert!(request.is_repeatable());
        }
    }

    #[test]
    fn an_update_that_stored_nothing_has_not_written() {
        let word = |word: &str| Value::BulkString(word.into());
        for (request, reply, has_written) in [
            (Request::get("a"), word("v"), false),
            (Request::create("a", "v", 60, &[]), Value::Okay, true),
            (Request::create("a", "v", 60, &[]), Value::Nil, true),
            (Request::update("a", &[], &[]), word("updated"), true),
            (Request::update("a", &[], &[]), word("conflict"), false),
            (Request::update("a", &[], &[]), word("missing"), false),
            (Request::delete("a"), Value::Int(0), true),
        ] {
            assert_eq!(request.has_written(&reply), has_written, "{reply:?}");
        }
    }
}
