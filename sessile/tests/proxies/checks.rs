//! Checks that every response has to pass, with or without caches.

use std::collections::HashSet;

use crate::{
    app::{PAGE, etag, location},
    server::Reply,
    uses::{Method, Use},
    visitor::{Change, Visitor, is_hit, serial},
};

/// Checks that the visitor gets their own page.
pub(crate) fn check_page(
    kind: Use,
    visitor: &Visitor,
    method: Method,
    reply: &Reply,
) -> Result<(), String> {
    let page = visitor.page();
    let is_not_modified = method == Method::Conditional && reply.status == 304;
    if reply.status != kind.status() && !is_not_modified {
        return Err(format!("{} got the status {}", visitor.label, reply.status));
    }
    let has_body = method != Method::Head && !is_not_modified;
    let body = if has_body { page.as_str() } else { "" };
    if reply.body != body {
        return Err(in_place_of(visitor, &reply.body, body));
    }
    for (name, value) in headers_of(kind, &page, is_not_modified) {
        let found = reply.headers(name);
        if found != [value.as_str()] {
            return Err(in_place_of(visitor, &found.join(", "), &value));
        }
    }
    Ok(())
}

fn in_place_of(visitor: &Visitor, found: &str, expected: &str) -> String {
    format!("{} got `{found}` in place of `{expected}`", visitor.label)
}

/// The headers that show the session as the body does.
fn headers_of(kind: Use, page: &str, is_not_modified: bool) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    // Apache drops the application's own headers from a 304.
    if kind != Use::Stream && !is_not_modified {
        headers.push((PAGE, page.to_owned()));
    }
    match kind {
        Use::Redirect => headers.push(("location", location(page))),
        Use::NotModified => headers.push(("etag", etag(page))),
        _ => {}
    }
    headers
}

/// Checks that the response sets a cookie only if one is due, and that no visitor has had it. The browser keeps it.
pub(crate) fn check_cookie(
    visitor: &mut Visitor,
    change: Change,
    reply: &Reply,
    given: &mut HashSet<String>,
) -> Result<(), String> {
    let label = &visitor.label;
    let cookies: Vec<_> = reply
        .headers("set-cookie")
        .into_iter()
        .map(|cookie| cookie.split(';').next().unwrap_or_default())
        .collect();
    if cookies.iter().any(|cookie| given.contains(*cookie)) {
        return Err(format!("{label} got a cookie that was given before"));
    }
    visitor.cookie = match (change, &cookies[..]) {
        (Change::Stays, []) => return Ok(()),
        (Change::IsSet, [cookie]) if *cookie != REMOVED => {
            given.insert((*cookie).to_owned());
            Some((*cookie).to_owned())
        }
        (Change::IsRemoved, [REMOVED]) => None,
        _ => {
            return Err(format!(
                "{label} got {} cookies, and theirs {change}",
                cookies.len()
            ));
        }
    };
    Ok(())
}

/// The `name=value` of a cookie that ends.
const REMOVED: &str = "id=";

/// Checks that no cache answered: the number of the response is higher than the last one. Apache drops the number from
/// a 304.
pub(crate) fn check_origin(reply: &Reply, last: &mut usize) -> Result<(), String> {
    let number = serial(reply);
    let is_fresh = match number {
        Some(number) => number > *last,
        None => reply.status == 304,
    };
    if is_hit(reply) || !is_fresh {
        return Err("a cache answered".to_owned());
    }
    *last = number.unwrap_or(*last);
    Ok(())
}
