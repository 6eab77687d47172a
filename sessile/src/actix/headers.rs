//! The response headers that a session asks for.

use std::borrow::Cow;

use actix_web::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE, VARY,
};

use crate::engine::HeaderChanges;

/// Makes the changes to `headers`.
pub(super) fn apply(mut changes: HeaderChanges, headers: &mut HeaderMap) {
    if let Some(cookie) = changes.set_cookie.take() {
        match HeaderValue::try_from(String::from(cookie)) {
            Ok(value) => headers.append(SET_COOKIE, value),
            // Its name and attributes were checked when it was built, and its value is escaped.
            Err(error) => tracing::error!(%error, "a session cookie is not a header value"),
        }
    }
    if changes.makes_private {
        headers.retain(|name, _| !changes.should_remove(name.as_str()));
        if !varies_by_cookie(headers) {
            headers.append(VARY, HeaderValue::from_static("Cookie"));
        }
    }
    let cache_control = changes.cache_control.map(|value| match value {
        Cow::Borrowed(value) => HeaderValue::from_static(value),
        // Its directives are those of a header, so it is a header value as well.
        Cow::Owned(value) => {
            HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("private"))
        }
    });
    if let Some(cache_control) = cache_control {
        headers.insert(CACHE_CONTROL, cache_control);
    }
    if let Some(after) = changes.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
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

fn varies_by_cookie(headers: &HeaderMap) -> bool {
    headers
        .get_all(VARY)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|name| name == "*" || name.eq_ignore_ascii_case("cookie"))
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
            assert_eq!(varies_by_cookie(&headers), varies, "{said}");
        }
    }
}
