//! The `Cache-Control` that keeps caches from serving one visitor's response to another visitor (RFC 9111). Which responses
//! get it is decided by `ResponsePolicy::changes` in [`commit`](super::commit).

use std::borrow::Cow;

/// The directive that lets only the browser store a response.
pub(super) const PRIVATE: &str = "private";

/// The `Cache-Control` that lets only the browser store the response, and no cache store the header `sets` that has the
/// cookie. `None` if the `current` value does so already.
///
/// A value that can't be parsed is replaced.
pub(super) fn private(current: Option<&str>, sets: Option<&str>) -> Option<Cow<'static, str>> {
    let Some(directives) = current.and_then(directives) else {
        return Some(match sets {
            None => Cow::Borrowed(PRIVATE),
            Some("Set-Cookie") => Cow::Borrowed("private, no-cache=\"Set-Cookie\""),
            Some(header) => Cow::Owned(format!("private, {}", no_cache(header))),
        });
    };
    let count = directives.len();
    let mut kept: Vec<&str> = directives
        .into_iter()
        .filter(|it| !is_for_shared_caches(it))
        .collect();
    let removes = kept.len() < count;
    let has = |kept: &[&str], name| kept.iter().any(|it| it.eq_ignore_ascii_case(name));
    // Beside `must-understand`, a cache that understands the status ignores `no-store` (section 5.2.2.3).
    let is_stored = !has(&kept, "no-store") || has(&kept, "must-understand");
    let adds_private = is_stored && !has(&kept, PRIVATE);
    let no_cache = sets
        .filter(|_| is_stored && !has(&kept, "no-cache"))
        .map(no_cache);
    if adds_private {
        kept.push(PRIVATE);
    }
    if let Some(no_cache) = no_cache.as_deref().filter(|it| !has(&kept, it)) {
        kept.push(no_cache);
    }
    let changes = removes || kept.len() > count;
    changes.then(|| match kept.is_empty() {
        true => Cow::Borrowed(PRIVATE),
        false => Cow::Owned(kept.join(", ")),
    })
}

/// The directive that keeps this header out of caches.
fn no_cache(header: &str) -> String {
    format!("no-cache=\"{header}\"")
}

/// Whether a directive allows shared caches to store the response. A `private` with field names does so, because it
/// protects only these fields.
fn is_for_shared_caches(directive: &str) -> bool {
    let (name, argument) = match directive.split_once('=') {
        Some((name, argument)) => (name.trim_end(), Some(argument)),
        None => (directive, None),
    };
    name.eq_ignore_ascii_case("public")
        || name.eq_ignore_ascii_case("s-maxage")
        || (name.eq_ignore_ascii_case("private") && argument.is_some())
}

/// The directives of a `Cache-Control`, which are separated by commas outside of quotes. `None` if there are none, or
/// if a quote is not closed.
fn directives(value: &str) -> Option<Vec<&str>> {
    let mut directives = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                directives.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    directives.push(&value[start..]);
    let directives = directives.into_iter().map(str::trim);
    let directives: Vec<_> = directives.filter(|it| !it.is_empty()).collect();
    (!is_quoted && !directives.is_empty()).then_some(directives)
}

#[cfg(test)]
mod tests;
