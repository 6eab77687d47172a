//! The response headers that come with a session cookie.

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE, VARY};

use crate::SetCookie;

/// Adds the cookie, and tells shared caches that this response is for one user: not to store the
/// cookie (RFC 9111, section 5.2.2.4), and not to serve the response for another cookie (RFC 9110,
/// section 12.5.5). What the handler said about caching stands.
pub(super) fn send_cookie(headers: &mut HeaderMap, cookie: SetCookie) {
    match HeaderValue::try_from(String::from(cookie)) {
        Ok(value) => headers.append(SET_COOKIE, value),
        // Its name and attributes were checked when it was built, and its value is escaped.
        Err(error) => return tracing::error!(%error, "a session cookie is no header value"),
    }
    if !headers.contains_key(CACHE_CONTROL) {
        let no_cache = HeaderValue::from_static("no-cache=\"Set-Cookie\"");
        headers.insert(CACHE_CONTROL, no_cache);
    }
    if !varies_by_cookie(headers) {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
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
