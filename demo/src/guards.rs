//! Checks for every request, and security headers for every response.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};

/// Refuses a request of another site's page that could change something.
///
/// The session cookie is `SameSite=Lax`, so such a request has no session. This check also refuses requests of other
/// origins of the same site, such as another port of this machine. Browsers send the origin of a request in
/// `Sec-Fetch-Site`. A client that does not send this header is not a browser that another site could misuse.
pub(crate) async fn refuse_other_sites<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if !request.method().is_safe() && is_from_another_site(request.headers()) {
        return Err(error::ErrorForbidden("the request comes from another site"));
    }
    next.call(request).await
}

fn is_from_another_site(headers: &HeaderMap) -> bool {
    const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    headers
        .get_all(SEC_FETCH_SITE)
        .any(|site| site != "same-origin" && site != "none")
}

/// Allows only files of this site: no inline scripts, no inline styles, no framing.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Adds security headers.
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
    fn only_the_site_itself_and_the_address_bar_may_send_changes() {
        assert!(!is_from_another_site(&headers(&[])));
        assert!(!is_from_another_site(&headers(&["same-origin"])));
        assert!(!is_from_another_site(&headers(&["none"])));
        assert!(is_from_another_site(&headers(&["cross-site"])));
        assert!(is_from_another_site(&headers(&["same-site"])));
        assert!(is_from_another_site(&headers(&[
            "same-origin",
            "cross-site"
        ])));
    }

    #[test]
    fn the_policy_allows_nothing_inline() {
        let mut headers = HeaderMap::new();
        harden(&mut headers);
        let policy = headers.get(header::CONTENT_SECURITY_POLICY).unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
