//! [`Jar`]: the cookies of a client, by the rules of RFC 6265bis, section 5, for the one host of a test.

use actix_web::cookie::{Cookie, Expiration};

use crate::clock::Timestamp;

/// The host of a test.
const HOST: &str = "localhost";

#[derive(Default)]
pub(super) struct Jar(Vec<Entry>);

/// A cookie that the client keeps.
struct Entry {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    is_secure: bool,
    /// `None` if the client forgets it when it is closed.
    expires_at: Option<Timestamp>,
}

impl Jar {
    /// Takes in a `Set-Cookie` of the response to a request for `path`, as a client does: it may remove a cookie, or be
    /// ignored. Returns whether the client has the cookie now.
    pub(super) fn add(
        &mut self,
        set_cookie: &str,
        path: &str,
        is_https: bool,
        now: Timestamp,
    ) -> bool {
        let Ok(cookie) = Cookie::parse(set_cookie) else {
            return false;
        };
        let is_secure = cookie.secure() == Some(true);
        let is_foreign = cookie.domain().is_some_and(|domain| domain != HOST);
        if is_foreign || is_secure && !is_https {
            return false;
        }
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path,
            _ => default_path(path),
        };
        let entry = Entry {
            name: cookie.name().to_owned(),
            value: cookie.value().to_owned(),
            path: path.to_owned(),
            domain: cookie.domain().map(ToOwned::to_owned),
            is_secure,
            expires_at: expiry(&cookie, now),
        };
        self.0.retain(|it| !it.is_replaced_by(&entry));
        let is_live = entry.is_live(now);
        if is_live {
            self.0.push(entry);
        }
        is_live
    }

    /// The `Cookie` header of a request for `path`.
    pub(super) fn header(&self, path: &str, is_https: bool, now: Timestamp) -> Option<String> {
        let is_sent =
            |it: &&Entry| it.is_live(now) && matches(path, &it.path) && (is_https || !it.is_secure);
        let mut sent: Vec<_> = self.0.iter().filter(is_sent).collect();
        sent.sort_by_key(|it| std::cmp::Reverse(it.path.len()));
        let pairs = sent.iter().map(|it| format!("{}={}", it.name, it.value));
        let header = pairs.collect::<Vec<_>>().join("; ");
        (!header.is_empty()).then_some(header)
    }

    /// The value of the cookie with this name.
    pub(super) fn value(&self, name: &str, now: Timestamp) -> Option<&str> {
        let mut named = self.0.iter().filter(|it| it.name == name);
        let live = named.find(|it| it.is_live(now));
        live.map(|it| &*it.value)
    }

    /// Forgets the cookies that have no expiry.
    pub(super) fn close(&mut self) {
        self.0.retain(|it| it.expires_at.is_some());
    }
}

impl Entry {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }

    fn is_replaced_by(&self, newer: &Self) -> bool {
        self.name == newer.name && self.domain == newer.domain && self.path == newer.path
    }
}

/// `Max-Age` has precedence over `Expires`.
fn expiry(cookie: &Cookie<'_>, now: Timestamp) -> Option<Timestamp> {
    if let Some(max_age) = cookie.max_age() {
        let max_age = max_age.try_into().unwrap_or_default();
        return Some(now.saturating_add(max_age));
    }
    match cookie.expires()? {
        Expiration::DateTime(at) => {
            let seconds = u64::try_from(at.unix_timestamp()).unwrap_or_default();
            Some(Timestamp::from_unix_millis(seconds.saturating_mul(1000)))
        }
        Expiration::Session => None,
    }
}

/// The path of a cookie without one.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

/// Whether a cookie with `cookie_path` is sent with a request for `path`.
fn matches(path: &str, cookie_path: &str) -> bool {
    let rest = path.strip_prefix(cookie_path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    /// The header of a request for `sent_to`, after a response for `/a/b` has set this cookie.
    fn sent(set_cookie: &str, sent_to: &str) -> Option<String> {
        let mut jar = Jar::default();
        jar.add(set_cookie, "/a/b", true, at(100));
        jar.header(sent_to, true, at(100))
    }

    #[test]
    fn a_cookie_is_sent_to_its_path() {
        for (set_cookie, path, is_sent) in [
            ("n=1; Path=/", "/", true),
            ("n=1; Path=/", "/any", true),
            ("n=1; Path=/any", "/any", true),
            ("n=1; Path=/any", "/any/page", true),
            ("n=1; Path=/any/", "/any/page", true),
            ("n=1; Path=/any", "/anything", false),
            ("n=1; Path=/any/", "/any", false),
            ("n=1", "/a/c", true),
            ("n=1", "/", false),
            ("n=1; Path=relative", "/a", true),
        ] {
            let expected = is_sent.then(|| "n=1".to_owned());
            assert_eq!(sent(set_cookie, path), expected, "{set_cookie} {path}");
        }
    }

    #[test]
    fn a_cookie_of_another_host_is_ignored() {
        assert_eq!(sent("n=1; Domain=localhost", "/a").as_deref(), Some("n=1"));
        assert_eq!(sent("n=1; Domain=example.com", "/a"), None);
        assert_eq!(sent("no cookie", "/a"), None);
    }

    #[test]
    fn a_cookie_lives_until_its_expiry() {
        for (attributes, last) in [
            ("Max-Age=10", Some(109)),
            ("Max-Age=0", None),
            ("Max-Age=-1", None),
            (
                "Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                Some(109),
            ),
            ("Expires=Thu, 01 Jan 1970 00:02:00 GMT", Some(119)),
            ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("Path=/", Some(1_000_000)),
        ] {
            let mut jar = Jar::default();
            jar.add(&format!("n=1; {attributes}"), "/", true, at(100));
            let is_sent = |seconds| jar.header("/", true, at(seconds)).is_some();
            match last {
                Some(last) => {
                    assert!(is_sent(last), "{attributes}");
                    assert_eq!(is_sent(last + 1), last == 1_000_000, "{attributes}");
                }
                None => assert!(!is_sent(100), "{attributes}"),
            }
        }
    }

    #[test]
    fn a_cookie_replaces_and_removes_one_of_its_name_and_path() {
        let mut jar = Jar::default();
        for set_cookie in ["n=1; Path=/", "n=2; Path=/a", "m=3; Path=/", "n=4; Path=/"] {
            jar.add(set_cookie, "/", true, at(100));
        }
        let header = |jar: &Jar| jar.header("/a", true, at(100)).unwrap();
        assert_eq!(header(&jar), "n=2; m=3; n=4");
        jar.add("n=; Path=/; Max-Age=0", "/", true, at(100));
        assert_eq!(header(&jar), "n=2; m=3");
        jar.add("m=5; Path=/; Max-Age=10", "/", true, at(100));
        jar.close();
        assert_eq!(header(&jar), "m=5");
        assert_eq!(jar.value("m", at(100)), Some("5"));
        assert_eq!(jar.value("m", at(110)), None);
    }

    #[test]
    fn a_secure_cookie_needs_https() {
        let mut jar = Jar::default();
        jar.add("n=1; Secure", "/", false, at(100));
        assert_eq!(jar.header("/", true, at(100)), None);
        jar.add("n=1; Secure", "/", true, at(100));
        assert_eq!(jar.header("/", false, at(100)), None);
        assert_eq!(jar.header("/", true, at(100)).as_deref(), Some("n=1"));
    }
}
