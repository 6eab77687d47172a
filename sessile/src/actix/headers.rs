//! The response headers that a session asks for.

use actix_web::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE, VARY,
};

use crate::HeaderChanges;

/// Makes the changes to `headers`.
pub(super) fn apply(changes: HeaderChanges, headers: &mut HeaderMap) {
    if let Some(cookie) = changes.set_cookie {
        match HeaderValue::try_from(String::from(cookie)) {
            Ok(value) => headers.append(SET_COOKIE, value),
            // Its name and attributes were checked when it was built, and its value is escaped.
            Err(error) => tracing::error!(%error, "a session cookie is not a header value"),
        }
    }
    if let Some(cache_control) = changes.cache_control {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    }
    if changes.vary_by_cookie && !varies_by_cookie(headers) {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
    if let Some(after) = changes.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
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
