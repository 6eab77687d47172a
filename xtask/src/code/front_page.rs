//! The items on the front page of the documentation: the public names at the root of the library.
//!
//! They are counted in `lib.rs`: public modules, and each name of a public `use`, of all features. Items that are hidden from
//! the documentation do not count.

use std::{fs, path::Path};

use crate::run::Failure;

/// The number of items that the root of the library in the folder `source` has.
pub(super) fn count(source: &Path) -> Result<usize, Failure> {
    let root = source.join("lib.rs");
    let text = fs::read_to_string(&root)
        .map_err(|error| Failure::Check(format!("can't read {}: {error}", root.display())))?;
    Ok(items(&text).len())
}

/// The public names in the text of a root.
fn items(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_hidden = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("#[") {
            is_hidden |= line.contains("doc(hidden)");
            continue;
        }
        if let Some(path) = line.strip_prefix("pub use ") {
            let mut path = path.to_owned();
            while !path.contains(';') {
                let Some(line) = lines.next() else { break };
                path.push_str(line);
            }
            if !is_hidden {
                found.extend(names(&path));
            }
        } else if let Some(item) = line.strip_prefix("pub ")
            && !is_hidden
        {
            found.extend(name(item));
        }
        is_hidden &= line.starts_with("//");
    }
    found
}

/// The names that a `use` of this path makes public.
fn names(path: &str) -> Vec<String> {
    path.split(['{', '}', ',', ';'])
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.ends_with("::"))
        .map(|part| {
            let renamed = part.rsplit_once(" as ").map(|(_, name)| name);
            let name = renamed.or_else(|| part.rsplit_once("::").map(|(_, name)| name));
            name.unwrap_or(part).to_owned()
        })
        .collect()
}

/// The name of an item that is defined at the root.
fn name(item: &str) -> Option<String> {
    const KINDS: &[&str] = &[
        "const", "enum", "fn", "macro", "mod", "static", "struct", "trait", "type", "union",
    ];
    let mut words = item.split(|it: char| !it.is_alphanumeric() && it != '_');
    words.find(|word| KINDS.contains(word))?;
    words.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_are_counted() {
        let text = "\
//! pub use self::not::Code;
mod a;
#[cfg(feature = \"x\")]
pub mod b;
pub(crate) mod c;
pub use self::a::A;
pub use self::{
    d::{E, F as G},
    h::I,
};
use self::j::J;
pub async fn k() {}
/// Text.
pub struct L;
";

        assert_eq!(items(text), ["b", "A", "E", "G", "I", "k", "L"]);
    }

    #[test]
    fn hidden_items_are_not_counted() {
        let text = "\
#[doc(hidden)]
#[cfg(feature = \"x\")]
pub use self::{
    a::A,
};
#[doc(hidden)]
pub mod b;
pub mod c;
";

        assert_eq!(items(text), ["c"]);
    }
}
