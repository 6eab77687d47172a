//! [`Origin`]: where a page comes from.

use actix_web::dev::ConnectionInfo;

/// A scheme, a host and a port (RFC 6454), in lower case, without the port that belongs to the scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
}

impl Origin {
    /// `None` for a text that is not an origin, such as `null`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let is_host = |it: u8| it.is_ascii_alphanumeric() || b".-_:[]".contains(&it);
        let is_valid = !scheme.is_empty() && !host.is_empty() && host.bytes().all(is_host);
        let scheme = scheme.to_ascii_lowercase();
        is_valid.then(|| Self {
            host: host_without_port_of(&scheme, host),
            scheme,
        })
    }

    /// Whether it is the origin of pages that come over this connection.
    ///
    /// A proxy in front of the server may have ended TLS, so a plain connection does not exclude
    /// `https`.
    pub(super) fn is_of(&self, connection: &ConnectionInfo) -> bool {
        let is_scheme = match &*self.scheme {
            "https" => true,
            "http" => connection.scheme() != "https",
            _ => false,
        };
        is_scheme && self.host == host_without_port_of(&self.scheme, connection.host())
    }
}

fn host_without_port_of(scheme: &str, host: &str) -> String {
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_origins_are_parsed() {
        for (text, parsed) in [
            ("https://example.com", true),
            ("https://EXAMPLE.com:8443", true),
            ("http://[::1]:8080", true),
            ("capacitor://localhost", true),
            ("null", false),
            ("", false),
            ("https://", false),
            ("://example.com", false),
            ("example.com", false),
            ("https://example.com/", false),
            ("https://example.com/path", false),
            ("https://user@example.com", false),
            ("https://example.com https://other.example", false),
        ] {
            assert_eq!(Origin::parse(text).is_some(), parsed, "{text}");
        }
    }

    #[test]
    fn an_origin_is_compared_with_the_host_and_the_scheme() {
        for (origin, host, forwarded, is_of) in [
            ("https://example.com", "example.com", "https", true),
            ("https://EXAMPLE.com", "Example.com:443", "https", true),
            (
                "https://example.com:8443",
                "example.com:8443",
                "https",
                true,
            ),
            // A proxy may end TLS without a header that says so.
            ("https://example.com", "example.com", "http", true),
            ("http://example.com", "example.com", "http", true),
            ("http://example.com", "example.com", "https", false),
            ("https://example.com", "www.example.com", "https", false),
            ("https://example.com", "example.com:8443", "https", false),
            ("https://example.com:80", "example.com", "https", false),
            (
                "https://example.com.evil.example",
                "example.com",
                "https",
                false,
            ),
            ("capacitor://example.com", "example.com", "https", false),
        ] {
            let request = TestRequest::default()
                .insert_header(("Host", host))
                .insert_header(("X-Forwarded-Proto", forwarded))
                .to_http_request();
            let origin = Origin::parse(origin).unwrap();
            let is_same = origin.is_of(&request.connection_info());
            assert_eq!(is_same, is_of, "{origin:?} {host} {forwarded}");
        }
    }
}
