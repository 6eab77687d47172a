//! What every request passes and what every response carries.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};

/// Refuses a change that a page of another site asks for.
///
/// The session cookie is `SameSite=Lax`, so such a request arrives without a session anyhow. This
/// also keeps out what counts as the same site but isn't ours, like another port of this machine.
/// Browsers say where a request comes from; what says nothing isn't a browser that could be misled.
pub(crate) async fn refuse_other_sites<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if !request.method().is_safe() && is_foreign(request.headers()) {
        return Err(error::ErrorForbidden("asked for by another site"));
    }
    next.call(request).await
}

fn is_foreign(headers: &HeaderMap) -> bool {
    const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    headers
        .get_all(SEC_FETCH_SITE)
        .any(|site| site != "same-origin" && site != "none")
}

/// Nothing but this site's own files, no inline script, no inline style, no framing.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Adds the headers that tell a browser to be strict.
pub(crate) fn harden(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sites: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for site in sites {
            headers.append(
                HeaderName::from_static("sec-fetch-site"),
                HeaderValue::from_static(site),
            );
        }
        headers
    }

    #[test]
    fn only_our_own_pages_and_the_address_bar_may_ask() {
        assert!(!is_foreign(&headers(&[])));
        assert!(!is_foreign(&headers(&["same-origin"])));
        assert!(!is_foreign(&headers(&["none"])));
        assert!(is_foreign(&headers(&["cross-site"])));
        assert!(is_foreign(&headers(&["same-site"])));
        assert!(is_foreign(&headers(&["same-origin", "cross-site"])));
    }

    #[test]
    fn the_policy_lets_nothing_inline_through() {
        let mut headers = HeaderMap::new();
        harden(&mut headers);
        let policy = headers.get(header::CONTENT_SECURITY_POLICY).unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
