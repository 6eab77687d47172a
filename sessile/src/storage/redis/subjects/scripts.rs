//! The scripts that work on an index. Each is atomic on the keys of one group.

use std::sync::LazyLock;

use super::super::script::Script;

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/index.lua"),
                include_str!(concat!("scripts/", $file)),
            ))
        });)*
    };
}

scripts! {
    RESERVE = "reserve.lua";
    SETTLE = "settle.lua";
    DISPLACE = "displace.lua";
    ENTRIES = "entries.lua";
    FORGET = "forget.lua";
    MARK = "mark.lua";
}
