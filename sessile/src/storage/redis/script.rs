//! The scripts that make a compare-and-swap one step on the server.

use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest as _, Sha1};

use super::hex;

/// A script, and the hash by which a server that has seen it knows it.
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

pub(super) static CREATE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("script/create.lua")));
pub(super) static SWAP: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("script/swap.lua")));

impl Script {
    fn new(source: &'static str) -> Self {
        Self {
            source,
            hash: hex(&Sha1::digest(source)),
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
    /// Who serves which slots of the cluster. Is done to no key.
    Slots,
}

impl Request<'_> {
    pub(super) fn command(&self, form: Form) -> Cmd {
        let words: &[&str] = match (&self.action, form) {
            (Action::Get | Action::GetTimed, _) => &["GET", self.key],
            (Action::Delete, _) => &["DEL", self.key],
            (Action::Run(script, _), Form::ByHash) => &["EVALSHA", &script.hash, "1", self.key],
            (Action::Run(script, _), Form::InFull) => &["EVAL", script.source, "1", self.key],
            (Action::Slots, _) => &["CLUSTER", "SLOTS"],
        };
        let mut command = Cmd::new();
        command.arg(words);
        if let Action::Run(_, arguments) = self.action {
            command.arg(arguments);
        }
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
