//! The Lua scripts. Each is atomic, and all keys of a call are in one slot.
//!
//! Redis 5.0 is required: since that version, replicas receive the effects of a script instead of the script.

use std::sync::LazyLock;

use sha1::{Digest as _, Sha1};

/// A script, and the hash that names it to a server that has seen it.
pub(super) struct Script {
    pub(super) source: &'static str,
    pub(super) hash: String,
}

impl Script {
    fn new(source: &'static str) -> Self {
        let hash = format!("{:x}", Sha1::digest(source));
        Self { source, hash }
    }
}

/// The compare-and-swap of a record.
pub(super) static UPDATE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/update.lua")));

/// Scripts on the index of a group, which begin with the functions that they share.
macro_rules! index_scripts {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/index.lua"),
                include_str!(concat!("scripts/", $file)),
            ))
        });)*
    };
}

index_scripts! {
    RESERVE = "reserve.lua";
    SETTLE = "settle.lua";
    DISPLACE = "displace.lua";
    ENTRIES = "entries.lua";
    FORGET = "forget.lua";
    MARK = "mark.lua";
}
