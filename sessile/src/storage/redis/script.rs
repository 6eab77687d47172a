//! The scripts that make a compare-and-swap one step on the server.

use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest as _, Sha1};

use super::{hex, value::VERSION_LEN};

/// A script, and the hash by which a server that has seen it knows it.
pub(super) struct Script {
    source: &'static str,
    hash: String,
    /// Whether it reads what it then changes. Then the server tells of that change whoever ran it, as it
    /// tells everybody who had read it.
    pub(super) reads_first: bool,
}

pub(super) static CREATE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("script/create.lua"), false));
pub(super) static SWAP: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("script/swap.lua"), true));

impl Script {
    fn new(source: &'static str, reads_first: bool) -> Self {
        Self {
            source,
            hash: hex(&Sha1::digest(source)),
            reads_first,
        }
    }
}

/// How a script is named to the server.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// By its hash: short, and refused with `NOSCRIPT` by a server that hasn't seen it since it
    /// started.
    ByHash,
    /// In full.
    InFull,
}

/// What the server is asked to do.
pub(super) struct Request<'a> {
    /// The Redis key it is done to.
    pub(super) key: &'a str,
    pub(super) action: Action<'a>,
}

pub(super) enum Action<'a> {
    Get,
    /// What is there, and how many milliseconds it has to live. Where that is not to be had in one go, just
    /// what is there.
    GetTimed,
    Delete,
    Run(&'static Script, &'a [String]),
    /// The same, and what version is there afterwards. Where that is not to be had in one go, just what the
    /// script answers.
    RunAndLook(&'static Script, &'a [String]),
    /// Who serves which slots of the cluster. Is done to no key.
    Slots,
}

impl Request<'_> {
    pub(super) fn command(&self, form: Form) -> Cmd {
        const NONE: &[String] = &[];
        let words: &[&str] = match (&self.action, form) {
            (Action::Get | Action::GetTimed, _) => &["GET", self.key],
            (Action::Delete, _) => &["DEL", self.key],
            (Action::Run(script, _) | Action::RunAndLook(script, _), Form::ByHash) => {
                &["EVALSHA", &script.hash, "1", self.key]
            }
            (Action::Run(script, _) | Action::RunAndLook(script, _), Form::InFull) => {
                &["EVAL", script.source, "1", self.key]
            }
            (Action::Slots, _) => &["CLUSTER", "SLOTS"],
        };
        let arguments = match self.action {
            Action::Run(_, arguments) | Action::RunAndLook(_, arguments) => arguments,
            _ => NONE,
        };
        let size = words.iter().map(|word| word.len()).sum::<usize>()
            + arguments.iter().map(String::len).sum::<usize>();
        let mut command = Cmd::with_capacity(words.len() + arguments.len(), size);
        command.arg(words).arg(arguments);
        command
    }

    /// What tells the version of the record that is there.
    pub(super) fn look(&self) -> Cmd {
        let mut command = redis::cmd("GETRANGE");
        command.arg(self.key).arg(0).arg(VERSION_LEN - 1);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_command() {
        let packed = |action, form| {
            let key = "a";
            let packed = Request { key, action }.command(form).get_packed_command();
            String::from_utf8(packed).unwrap()
        };
        assert_eq!(
            packed(Action::Get, Form::ByHash),
            "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
        );
        assert_eq!(
            packed(Action::Slots, Form::ByHash),
            "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n"
        );
        let hash = &SWAP.hash;
        assert_eq!(hash.len(), 40);
        let arguments = ["x".to_owned()];
        assert_eq!(
            packed(Action::Run(&SWAP, &arguments), Form::ByHash),
            format!("*5\r\n$7\r\nEVALSHA\r\n$40\r\n{hash}\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\nx\r\n")
        );
        let in_full = packed(Action::Run(&SWAP, &arguments), Form::InFull);
        assert!(in_full.starts_with("*5\r\n$4\r\nEVAL\r\n") && in_full.contains("redis.call"));
    }
}
