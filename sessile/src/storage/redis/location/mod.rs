//! [`Location`]: a parsed address.

mod host;

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

pub(super) use self::host::Host;
use crate::storage::credentials::Credentials;

/// The default port of a server.
const PORT: u16 = 6379;
/// The default port of a sentinel.
const SENTINEL_PORT: u16 = 26_379;

/// The servers and credentials of an address. Has no `Debug`, because of the password.
pub(super) struct Location {
    pub(super) servers: Servers,
    pub(super) tls: bool,
    pub(super) credentials: Credentials,
    /// The credentials of the sentinels.
    pub(super) sentinel_credentials: Credentials,
    pub(super) database: i64,
    /// The name of connections in `CLIENT LIST`.
    pub(super) client_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Servers {
    One(Endpoint),
    /// Some nodes of a cluster, which know the others.
    Cluster(Vec<Host>),
    /// The sentinels that know the master.
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

/// Why an address can't be used. Does not quote the address, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error(
        "it begins with none of redis://, rediss://, redis+cluster://, redis+sentinel://, redis+unix:// and the like"
    )]
    Scheme,
    #[error("it has no valid host")]
    Host,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("only a cluster and sentinels have several hosts")]
    SeveralHosts,
    #[error("the database is not a number")]
    Database,
    #[error("a cluster has only the database 0")]
    DatabaseOfCluster,
    #[error("the name of the master is missing: redis+sentinel://host/name")]
    MasterName,
    #[error("it has no absolute path of a socket")]
    SocketPath,
    #[error("user or password is not percent-encoded UTF-8")]
    Credentials,
    #[error(
        "the name of the client is empty, or has spaces or other characters than printable ASCII"
    )]
    ClientName,
    #[error("it has an unknown query or a fragment")]
    Extra,
    #[cfg(not(feature = "_redis-tls"))]
    #[error("TLS needs the feature redis-session-rustls or redis-session-native-tls")]
    NoTls,
    #[cfg(feature = "_redis-tls")]
    #[error("TLS is configured for an address without TLS")]
    NotTls,
}

impl Location {
    pub(super) fn parse(address: &str) -> Result<Self, AddressError> {
        let address = address.trim();
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => match address.split_once(':') {
                Some((scheme @ ("unix" | "redis+unix" | "valkey+unix"), rest)) => (scheme, rest),
                _ => ("redis", address),
            },
        };
        let scheme = scheme.to_ascii_lowercase().replacen("valkey", "redis", 1);
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
        let credentials = Credentials {
            username: parts.username.map(decoded).transpose()?,
            password: parts.password.map(decoded).transpose()?,
        };
        Self {
            tls,
            credentials,
            database,
            ..Self::of(servers)
        }
        .with_parameters(parts.query)
    }

    /// `/path/to/socket?db=1&user=…&pass=…`
    fn parse_socket(rest: &str) -> Result<Self, AddressError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !path.starts_with('/') || path == "/" {
            return Err(AddressError::SocketPath);
        }
        let socket = Endpoint::Socket(decoded(path)?.into());
        Self::of(Servers::One(socket)).with_parameters(query)
    }

    fn of(servers: Servers) -> Self {
        Self {
            servers,
            tls: false,
            credentials: Credentials::default(),
            sentinel_credentials: Credentials::default(),
            database: 0,
            client_name: "sessile".to_owned(),
        }
    }

    /// Applies `name=value&…`.
    fn with_parameters(mut self, query: &str) -> Result<Self, AddressError> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(AddressError::Extra)?;
            self.set(name, value)?;
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), AddressError> {
        match (name, &self.servers) {
            ("client_name", _) => self.client_name = client_name(value)?,
            // Other clients need it. Here the near cache decides.
            ("protocol", _) if matches!(value, "2" | "3" | "resp2" | "resp3") => {}
            ("sentinel_user", Servers::Sentinels { .. }) => {
                self.sentinel_credentials.username = Some(decoded(value)?);
            }
            ("sentinel_pass", Servers::Sentinels { .. }) => {
                self.sentinel_credentials.password = Some(decoded(value)?);
            }
            ("db", Servers::One(Endpoint::Socket(_))) => self.database = database(value)?,
            ("user", Servers::One(Endpoint::Socket(_))) => {
                self.credentials.username = Some(decoded(value)?);
            }
            ("pass", Servers::One(Endpoint::Socket(_))) => {
                self.credentials.password = Some(decoded(value)?);
            }
            _ => return Err(AddressError::Extra),
        }
        Ok(())
    }
}

/// `user:password@hosts/path?query`
struct Parts<'a> {
    username: Option<&'a str>,
    password: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self, AddressError> {
        // A password may contain any separator except `@`.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        if rest.contains('#') {
            return Err(AddressError::Extra);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
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
            query,
        })
    }

    fn hosts(&self, port: u16) -> Result<Vec<Host>, AddressError> {
        self.hosts
            .split(',')
            .map(|text| Host::parse(text, port))
            .collect()
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

/// A name that `CLIENT SETNAME` accepts.
fn client_name(text: &str) -> Result<String, AddressError> {
    let name = decoded(text)?;
    let is_valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then_some(name).ok_or(AddressError::ClientName)
}

fn decoded(text: &str) -> Result<String, AddressError> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| AddressError::Credentials)?.into_owned())
}

#[cfg(test)]
mod tests;
