//! [`Host`]: the name and the port of a server.

use std::net::Ipv6Addr;

use super::{AddressError, PORT};

/// The name and the port of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) struct Host {
    pub(in super::super) name: String,
    pub(in super::super) port: u16,
}

impl Host {
    /// `name`, `name:port`, `[::1]`, `[::1]:port`
    pub(in super::super) fn parse(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, None),
            Some((name, rest)) => (
                name,
                Some(rest.strip_prefix(':').ok_or(AddressError::Port)?),
            ),
            // A cluster writes IPv6 addresses without brackets, with more than one colon.
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

    /// The host that this node of a cluster redirects to. Without a name it is the node's own.
    pub(in super::super) fn redirected(&self, address: &str) -> Result<Self, AddressError> {
        match address.strip_prefix(':') {
            Some(port) if !port.contains(':') => {
                Self::parse(&format!("[{}]:{port}", self.name), PORT)
            }
            _ => Self::parse(address, PORT),
        }
    }
}
