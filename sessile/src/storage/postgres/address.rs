//! Addresses: `postgres://user:password@host:port/database?parameter=value`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Config, Host};

use super::tls::{Mode, TlsSettings};
use crate::storage::sql::{self, Fault, check_scheme};

const SCHEMES: &[&str] = &["postgres", "postgresql"];

/// The names of parameters: those of the driver, and the ones that this module evaluates.
const NAMES: &[&str] = &[
    "application_name",
    "behind_pooler",
    "channel_binding",
    "connect_timeout",
    "create_table",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Variables of the environment, and the parameters that they are defaults of.
const VARIABLES: &[(&str, &str)] = &[
    ("PGAPPNAME", "application_name"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGDATABASE", "dbname"),
    ("PGHOST", "host"),
    ("PGOPTIONS", "options"),
    ("PGPASSWORD", "password"),
    ("PGPORT", "port"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGUSER", "user"),
];

/// The folders in which common packages put the server's socket.
const SOCKETS: &[&str] = &["/run/postgresql", "/tmp"];

/// How long a connection is idle before the operating system asks whether the other end is alive. Firewalls
/// drop connections that are idle for some minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A parsed address. If it can't be parsed, the fault contains no part of it but the names of parameters.
pub(super) struct Address {
    /// For each server, in the order in which they are tried.
    pub(super) configs: Vec<Config>,
    pub(super) tls: TlsSettings,
    pub(super) create_table: bool,
    pub(super) behind_pooler: bool,
}

type Parameters = BTreeMap<&'static str, String>;

impl Address {
    pub(super) fn parse(
        address: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Fault> {
        check_scheme(address, SCHEMES)?;
        let mut parameters = parameters(address)?;
        for (name, parameter) in VARIABLES {
            if !parameters.contains_key(parameter)
                && let Some(value) = variable(name).filter(|value| !value.is_empty())
            {
                parameters.insert(parameter, value);
            }
        }
        let tls = tls(&mut parameters)?;
        let mut flag = |name| {
            let value = parameters.remove(name);
            value.map_or(Ok(false), |value| sql::flag(name, &value))
        };
        let (create_table, behind_pooler) = (flag("create_table")?, flag("behind_pooler")?);
        if !parameters.contains_key("host") {
            let host = parameters.get("hostaddr").cloned();
            parameters.insert("host", host.unwrap_or_else(default_host));
        }
        Ok(Self {
            configs: configs(parameters, tls.mode)?,
            tls,
            create_table,
            behind_pooler,
        })
    }
}

/// The parts of an address as parameters. The query overrides what comes before it.
fn parameters(address: &str) -> Result<Parameters, Fault> {
    let mut parameters = Parameters::new();
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    // As in libpq, a password may contain a question mark, but no slash.
    let authority = rest.find('/').map_or(rest, |end| &rest[..end]);
    let (credentials, rest) = match authority.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    if let Some(credentials) = credentials {
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        insert(&mut parameters, "user", user)?;
        insert(&mut parameters, "password", password.unwrap_or_default())?;
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if !hosts.is_empty() {
        let hosts = hosts.split(',').map(host_and_port);
        let (hosts, ports): (Vec<_>, Vec<_>) =
            hosts.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        insert(&mut parameters, "host", &hosts.join(","))?;
        if ports.iter().any(|port| !port.is_empty()) {
            insert(&mut parameters, "port", &ports.join(","))?;
        }
    }
    insert(&mut parameters, "dbname", database)?;
    for parameter in sql::parameters(query, NAMES) {
        let (name, value) = parameter?;
        insert(&mut parameters, name, value)?;
    }
    Ok(parameters)
}

fn host_and_port(text: &str) -> Result<(&str, &str), Fault> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(invalid_host)?;
            (host, rest)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    match port.strip_prefix(':') {
        Some(port) if port.parse::<u16>().is_ok() => Ok((host, port)),
        None if port.is_empty() => Ok((host, "")),
        _ => Err(invalid_host()),
    }
}

fn invalid_host() -> Fault {
    Fault::address("the host or the port is invalid")
}

fn insert(parameters: &mut Parameters, name: &'static str, encoded: &str) -> Result<(), Fault> {
    let value = percent_decode_str(encoded).decode_utf8();
    let value = value.map_err(|_| Fault::address("a part is not UTF-8 after percent-decoding"))?;
    if !value.is_empty() {
        parameters.insert(name, value.into_owned());
    }
    Ok(())
}

fn tls(parameters: &mut Parameters) -> Result<TlsSettings, Fault> {
    let mode = match parameters.remove("sslmode") {
        None => Mode::default(),
        Some(name) => {
            let mode = Mode::NAMES.iter().find(|(known, _)| *known == name);
            let (_, mode) = mode.ok_or_else(|| {
                let expected = "disable, prefer, require, verify-ca or verify-full";
                Fault::address(format!("the parameter `sslmode` must be {expected}"))
            })?;
            *mode
        }
    };
    let client = match (parameters.remove("sslcert"), parameters.remove("sslkey")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let text = "the parameters `sslcert` and `sslkey` must be set together";
            return Err(Fault::address(text));
        }
    };
    Ok(TlsSettings {
        mode,
        roots: parameters.remove("sslrootcert"),
        client,
    })
}

fn default_host() -> String {
    let mut sockets = SOCKETS.iter();
    let socket = sockets.find(|folder| Path::new(folder).join(".s.PGSQL.5432").exists());
    (*socket.unwrap_or(&"localhost")).to_owned()
}

/// The settings of the driver for each server. The driver itself would have one time limit for all of them.
fn configs(mut parameters: Parameters, mode: Mode) -> Result<Vec<Config>, Fault> {
    let mut list = |name| {
        let value = parameters.remove(name);
        value.map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let hosts = hosts.unwrap_or_default();
    // One port is the port of all.
    let are_addresses = addresses.as_ref().is_none_or(|it| it.len() == hosts.len());
    let are_ports = ports
        .as_ref()
        .is_none_or(|it| it.len() == 1 || it.len() == hosts.len());
    if !are_addresses || !are_ports {
        let text = "the lists of hosts, of their addresses and of their ports differ in length";
        return Err(Fault::address(text));
    }
    let configs = hosts.iter().enumerate().map(|(index, host)| {
        parameters.insert("host", host.clone());
        if let Some(addresses) = &addresses {
            parameters.insert("hostaddr", addresses[index].clone());
        }
        if let Some(ports) = &ports {
            let port = ports.get(index).unwrap_or(&ports[0]);
            parameters.insert("port", port.clone());
        }
        config(&parameters, mode)
    });
    configs.collect()
}

fn config(parameters: &Parameters, mode: Mode) -> Result<Config, Fault> {
    let mut text = String::new();
    for (name, value) in parameters {
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        text += &format!("{name}='{value}' ");
    }
    let mut config: Config = text.parse().map_err(Fault::address)?;
    let is_local =
        matches!(config.get_hosts(), [Host::Unix(_)]) && config.get_hostaddrs().is_empty();
    // As in libpq, no TLS on a socket of this machine.
    config.ssl_mode(match is_local {
        true => Mode::Disable.negotiation(),
        false => mode.negotiation(),
    });
    if !parameters.contains_key("keepalives_idle") {
        config.keepalives_idle(KEEPALIVE);
    }
    Ok(config)
}

#[cfg(test)]
mod tests;
