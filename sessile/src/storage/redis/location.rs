//! [`Location`]: where Redis is, as an address says it.

use std::{net::Ipv6Addr, path::PathBuf};

use percent_encoding::percent_decode_str;

/// The port of a server where the address names none.
const PORT: u16 = 6379;
/// The port of a sentinel where the address names none.
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is, and as whom to sign in there. Has no `Debug`, for the password's sake.
pub(super) struct Location {
    pub(super) servers: Servers,
    pub(super) tls: bool,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Servers {
    One(Endpoint),
    /// Some nodes of a cluster, by which the others are found.
    Cluster(Vec<Host>),
    /// Who knows which server is the master.
    Sentinels {
        hosts: Vec<Host>,
        master: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Tcp(Host),
    Socket(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

/// Why an address makes no sense. Doesn't quote it, since it may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error(
        "it begins with none of redis://, rediss://, redis+cluster://, redis+sentinel://, redis+unix:// and the like"
    )]
    Scheme,
    #[error("it names no host, or one that can't be")]
    Host,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("only a cluster and sentinels have several hosts")]
    SeveralHosts,
    #[error("the database is not a number from 0 on")]
    Database,
    #[error("a cluster has only the database 0")]
    DatabaseOfCluster,
    #[error("after the sentinels the name of the master is missing: redis+sentinel://host/name")]
    MasterName,
    #[error("it names no path of a socket")]
    SocketPath,
    #[error("user or password is not percent-encoded UTF-8")]
    Credentials,
    #[error("it has a query or fragment that means nothing here")]
    Extra,
    #[cfg(not(any(feature = "redis-session-rustls", feature = "redis-rs-tls-session")))]
    #[error("TLS needs the feature redis-session-rustls or redis-rs-tls-session")]
    NoTls,
    #[cfg(any(feature = "redis-session-rustls", feature = "redis-rs-tls-session"))]
    #[error("certificates are given for an address without TLS")]
    NotTls,
}

impl Location {
    pub(super) fn parse(address: &str) -> Result<Self, AddressError> {
        let address = address.trim();
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => match address.split_once(':') {
                Some((scheme @ ("unix" | "redis+unix"), rest)) => (scheme, rest),
                _ => ("redis", address),
            },
        };
        let scheme = scheme.to_ascii_lowercase();
        if matches!(scheme.as_str(), "unix" | "redis+unix") {
            return Self::parse_socket(rest);
        }
        let (plain, tls) = match scheme.strip_prefix("rediss") {
            Some(kind) => (format!("redis{kind}"), true),
            None => (scheme, false),
        };
        let parts = Parts::split(rest)?;
        let (servers, database) = match plain.as_str() {
            "redis" => {
                let [host] = parts
                    .hosts(PORT)?
                    .try_into()
                    .map_err(|_| AddressError::SeveralHosts)?;
                (Servers::One(Endpoint::Tcp(host)), database(parts.path)?)
            }
            "redis+cluster" => {
                if database(parts.path)? != 0 {
                    return Err(AddressError::DatabaseOfCluster);
                }
                (Servers::Cluster(parts.hosts(PORT)?), 0)
            }
            "redis+sentinel" => {
                let (master, number) = parts.path.split_once('/').unwrap_or((parts.path, ""));
                if master.is_empty() {
                    return Err(AddressError::MasterName);
                }
                let hosts = parts.hosts(SENTINEL_PORT)?;
                let master = decoded(master)?;
                (Servers::Sentinels { hosts, master }, database(number)?)
            }
            _ => return Err(AddressError::Scheme),
        };
        Ok(Self {
            servers,
            tls,
            username: parts.username.map(decoded).transpose()?,
            password: parts.password.map(decoded).transpose()?,
            database,
        })
    }

    /// `/path/to/socket?db=1&user=…&pass=…`
    fn parse_socket(rest: &str) -> Result<Self, AddressError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !path.starts_with('/') || path == "/" {
            return Err(AddressError::SocketPath);
        }
        let mut location = Self {
            servers: Servers::One(Endpoint::Socket(decoded(path)?.into())),
            tls: false,
            username: None,
            password: None,
            database: 0,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').ok_or(AddressError::Extra)? {
                ("db", number) => location.database = database(number)?,
                ("user", name) => location.username = Some(decoded(name)?),
                ("pass", password) => location.password = Some(decoded(password)?),
                _ => return Err(AddressError::Extra),
            }
        }
        Ok(location)
    }
}

/// `user:password@hosts/path`
struct Parts<'a> {
    username: Option<&'a str>,
    password: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self, AddressError> {
        // A password may have any of the characters that separate, except for an `@`.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        if rest.contains(['?', '#']) {
            return Err(AddressError::Extra);
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (username, password) = match credentials {
            Some(text) => match text.split_once(':') {
                Some((username, password)) => (Some(username), Some(password)),
                None => (Some(text), None),
            },
            None => (None, None),
        };
        Ok(Self {
            username: username.filter(|name| !name.is_empty()),
            password,
            hosts,
            path: path.trim_end_matches('/'),
        })
    }

    fn hosts(&self, port: u16) -> Result<Vec<Host>, AddressError> {
        self.hosts
            .split(',')
            .map(|text| Host::parse(text, port))
            .collect()
    }
}

impl Host {
    /// `name`, `name:port`, `[::1]`, `[::1]:port`
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, None),
            Some((name, rest)) => (
                name,
                Some(rest.strip_prefix(':').ok_or(AddressError::Port)?),
            ),
            // An IPv6 address without brackets, as a cluster tells it, has more colons than one.
            None => match text.rsplit_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"/\\?#@%[]<>\"'`{}|^".contains(&byte);
        let is_address = || name.parse::<Ipv6Addr>().is_ok();
        if name.is_empty() || !name.bytes().all(allowed) || name.contains(':') && !is_address() {
            return Err(AddressError::Host);
        }
        let port = match port {
            Some(digits) => digits.parse().map_err(|_| AddressError::Port)?,
            None => default_port,
        };
        if port == 0 {
            return Err(AddressError::Port);
        }
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }

    /// What this node of a cluster means by `address`: without a name it is its own.
    pub(super) fn redirected(&self, address: &str) -> Result<Self, AddressError> {
        match address.strip_prefix(':') {
            Some(port) if !port.contains(':') => {
                Self::parse(&format!("[{}]:{port}", self.name), PORT)
            }
            _ => Self::parse(address, PORT),
        }
    }
}

fn database(text: &str) -> Result<i64, AddressError> {
    match text {
        "" => Ok(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| AddressError::Database)
        }
        _ => Err(AddressError::Database),
    }
}

fn decoded(text: &str) -> Result<String, AddressError> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| AddressError::Credentials)?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: u16) -> Host {
        let name = name.to_owned();
        Host { name, port }
    }

    fn one(name: &str, port: u16) -> Servers {
        Servers::One(Endpoint::Tcp(host(name, port)))
    }

    fn parse(address: &str) -> Location {
        match Location::parse(address) {
            Ok(location) => location,
            Err(error) => panic!("{address}: {error}"),
        }
    }

    #[test]
    fn one_server() {
        for (address, servers) in [
            ("redis://localhost", one("localhost", 6379)),
            ("redis://127.0.0.1:7000/", one("127.0.0.1", 7000)),
            ("127.0.0.1:6379", one("127.0.0.1", 6379)),
            ("redis.internal", one("redis.internal", 6379)),
            ("REDIS://h:1", one("h", 1)),
            ("redis://[::1]:7000", one("::1", 7000)),
            ("redis://[::1]", one("::1", 6379)),
        ] {
            let location = parse(address);
            assert_eq!(location.servers, servers, "{address}");
            assert!(!location.tls && location.database == 0 && location.password.is_none());
        }
        assert!(parse("rediss://h").tls);
    }

    #[test]
    fn who_and_which_database() {
        let location = parse("redis://us%20er:p:/%40%23?w@h:1/3");
        assert_eq!(location.username.as_deref(), Some("us er"));
        assert_eq!(location.password.as_deref(), Some("p:/@#?w"));
        assert_eq!((location.servers, location.database), (one("h", 1), 3));
        let location = parse("redis://:secret@h");
        assert_eq!(
            (location.username, location.password.as_deref()),
            (None, Some("secret"))
        );
    }

    #[test]
    fn sockets() {
        let socket = Servers::One(Endpoint::Socket("/run/redis.sock".into()));
        for address in [
            "unix:///run/redis.sock?db=2&user=u&pass=p%20w",
            "unix:/run/redis.sock?db=2&user=u&pass=p%20w",
            "redis+unix:///run/redis.sock?db=2&user=u&pass=p%20w",
            "redis+unix:/run/redis.sock?db=2&user=u&pass=p%20w",
        ] {
            let location = parse(address);
            assert_eq!((location.servers, location.database), (socket.clone(), 2));
            assert_eq!(location.username.as_deref(), Some("u"));
            assert_eq!(location.password.as_deref(), Some("p w"));
        }
    }

    #[test]
    fn many_servers() {
        let location = parse("redis+cluster://a:1,b,[::1]:3");
        let hosts = vec![host("a", 1), host("b", 6379), host("::1", 3)];
        assert_eq!(location.servers, Servers::Cluster(hosts));
        let location = parse("rediss+sentinel://u:p@a:1,b/my-master/4");
        let hosts = vec![host("a", 1), host("b", 26379)];
        let master = "my-master".to_owned();
        assert_eq!(location.servers, Servers::Sentinels { hosts, master });
        assert!(location.tls && location.database == 4);
    }

    #[test]
    fn redirects_may_leave_the_name_out() {
        let node = host("a", 1);
        assert_eq!(node.redirected("b:2"), Ok(host("b", 2)));
        assert_eq!(node.redirected(":2"), Ok(host("a", 2)));
        assert_eq!(node.redirected("::1:2"), Ok(host("::1", 2)));
        assert!(node.redirected("?:2").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (address, error) in [
            ("", AddressError::Host),
            ("redis://", AddressError::Host),
            ("redis://:6379", AddressError::Host),
            ("redis://a b", AddressError::Host),
            ("http://localhost", AddressError::Scheme),
            ("redis+tls://localhost", AddressError::Scheme),
            ("redissl://localhost", AddressError::Scheme),
            ("redis://a:b:1", AddressError::Host),
            ("redis://h:0", AddressError::Port),
            ("redis://h:65536", AddressError::Port),
            ("redis://h:port", AddressError::Port),
            ("redis://[::1]7", AddressError::Port),
            ("redis://a,b", AddressError::SeveralHosts),
            ("redis://h/x", AddressError::Database),
            ("redis://h/-1", AddressError::Database),
            ("redis://h/1/2", AddressError::Database),
            ("redis+cluster://a,b/1", AddressError::DatabaseOfCluster),
            ("redis+cluster://a,,b", AddressError::Host),
            ("redis+sentinel://a", AddressError::MasterName),
            ("redis+sentinel://a/", AddressError::MasterName),
            ("unix:", AddressError::SocketPath),
            ("unix://relative", AddressError::SocketPath),
            ("unix:/s?timeout=1", AddressError::Extra),
            ("redis://h?db=1", AddressError::Extra),
            ("rediss://h#insecure", AddressError::Extra),
            ("redis://%ff@h", AddressError::Credentials),
        ] {
            assert_eq!(Location::parse(address).err(), Some(error), "{address}");
        }
    }

    #[test]
    fn errors_quote_nothing() {
        let error = Location::parse("redis://user:hunter2@h:port").err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
