//! The response headers that a session asks for.

use std::borrow::Cow;

use actix_web::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER, SET_COOKIE,
    VARY,
};

use crate::engine::{HeaderChanges, SetCookie};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

// The values of most responses, which are checked once.
static COOKIE: HeaderValue = HeaderValue::from_static("Cookie");
static PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// Makes the changes to `headers`.
pub(super) fn apply(changes: HeaderChanges, headers: &mut HeaderMap) {
    if changes.vary.is_some() {
        headers.retain(|name, _| !changes.should_remove(name.as_str()));
    }
    if let Some(vary) = changes.vary
        && !varies_by(headers, &vary)
        // The name of a header is a header value as well.
        && let Ok(vary) = value_of(vary)
    {
        headers.append(VARY, vary);
    }
    if let Some(cookie) = changes.set_cookie {
        set(cookie, headers);
    }
    if let Some(cache_control) = changes.cache_control {
        // Its directives are those of a header, so it is a header value as well.
        let value = value_of(cache_control).unwrap_or_else(|_| PRIVATE.clone());
        headers.insert(CACHE_CONTROL, value);
    }
    if changes.clears_site_data && !headers.contains_key(CLEAR_SITE_DATA) {
        let value = HeaderValue::from_static(HeaderChanges::CLEAR_SITE_DATA);
        headers.insert(CLEAR_SITE_DATA, value);
    }
    if let Some(after) = changes.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
}

fn value_of(text: Cow<'static, str>) -> Result<HeaderValue, InvalidHeaderValue> {
    match text {
        Cow::Borrowed("Cookie") => Ok(COOKIE.clone()),
        Cow::Borrowed("private") => Ok(PRIVATE.clone()),
        Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
        Cow::Owned(text) => HeaderValue::try_from(text),
    }
}

/// Appends a `Set-Cookie`, or sets the header in its place.
fn set(cookie: SetCookie, headers: &mut HeaderMap) {
    let name = HeaderName::try_from(cookie.header());
    let value = HeaderValue::try_from(String::from(cookie));
    match (name, value) {
        (Ok(SET_COOKIE), Ok(value)) => headers.append(SET_COOKIE, value),
        (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
        // The name and the attributes were checked when the middleware was built, and the value is escaped.
        _ => tracing::error!("a session cookie is not a header"),
    }
}

/// The values of all `Cache-Control` headers, joined with commas. The result is empty if one of them is not text.
pub(super) fn cache_control_of(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut values = headers
        .get_all(CACHE_CONTROL)
        .map(|value| value.to_str().ok());
    let first = values.next()?.map(Cow::Borrowed);
    let joined = values.fold(first, |joined, value| {
        Some(Cow::Owned(format!("{}, {}", joined?, value?)))
    });
    Some(joined.unwrap_or_default())
}

fn varies_by(headers: &HeaderMap, header: &str) -> bool {
    headers
        .get_all(VARY)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|name| name == "*" || name.eq_ignore_ascii_case(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_is_not_said_twice() {
        for (said, varies) in [
            ("Accept", false),
            ("Cookies", false),
            ("Accept, cookie", true),
            ("*", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
            headers.append(VARY, HeaderValue::from_str(said).unwrap());
            assert_eq!(varies_by(&headers, "Cookie"), varies, "{said}");
        }
    }
}
