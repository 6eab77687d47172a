//! The `redis.conf` of a server.

use std::{net::Ipv4Addr, path::Path};

/// The user of the rig, which can log in with any password. Tests may set any password for the default user, or none.
pub(crate) const USER: &str = "rig";

/// The name of the Unix socket in the server's folder.
pub(crate) const SOCKET: &str = "redis.sock";

/// The address that replicas and sentinels connect to other servers from.
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The kind of server to start, and its options.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Setup<'a> {
    pub(crate) mode: Mode,
    /// The additional arguments on the command line.
    pub(crate) arguments: &'a [&'a str],
    /// The last lines of its configuration.
    pub(crate) lines: &'a [String],
    /// The names and contents of the files in its folder before it starts.
    pub(crate) files: &'a [(&'a str, &'a str)],
}

/// The role of a server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Serves data.
    #[default]
    Alone,
    /// Serves data over TLS only.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only `TlsRedis` has it")
    )]
    Tls,
    /// A node of a cluster.
    Cluster,
    /// Monitors other servers.
    Sentinel,
    /// Monitors other servers, and accepts only TLS.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only `TlsRedis` has it")
    )]
    TlsSentinel,
}

impl Mode {
    pub(crate) fn is_sentinel(self) -> bool {
        matches!(self, Self::Sentinel | Self::TlsSentinel)
    }
}

/// The ports that a server listens on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// For clients.
    pub(crate) client: u16,
    /// For the other nodes of a cluster. The default is 10000 above the port for clients, which may be in use.
    pub(crate) bus: u16,
}

/// The text of the file.
pub(crate) fn config(setup: &Setup<'_>, folder: &Path, ports: Ports) -> String {
    let Ports { client, bus } = ports;
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        // Otherwise, only clients with the address 127.0.0.1 are accepted.
        "protected-mode no".to_owned(),
        // The paths in the lines below are relative to it.
        format!("dir \"{}\"", folder.display()),
        format!("unixsocket {SOCKET}"),
        format!("user {USER} on nopass ~* &* +@all"),
    ];
    match setup.mode {
        Mode::Tls | Mode::TlsSentinel => {
            lines.extend(["port 0".to_owned(), format!("tls-port {client}")]);
        }
        Mode::Alone | Mode::Cluster | Mode::Sentinel => lines.push(format!("port {client}")),
    }
    // Replicas and sentinels are told from other clients by the address that they connect from, and are reached by another.
    match setup.mode {
        Mode::Alone => lines.push("replica-announce-ip 127.0.0.1".to_owned()),
        Mode::Sentinel => lines.push("sentinel announce-ip 127.0.0.1".to_owned()),
        Mode::Tls | Mode::TlsSentinel | Mode::Cluster => {}
    }
    if matches!(setup.mode, Mode::Alone | Mode::Sentinel) {
        lines.push(format!("bind-source-addr {PEER}"));
    }
    if !setup.mode.is_sentinel() {
        lines.extend(DATA.iter().copied().map(str::to_owned));
    }
    if setup.mode == Mode::Cluster {
        lines.push(format!("cluster-port {bus}"));
        lines.extend(CLUSTER.iter().copied().map(str::to_owned));
    }
    lines.extend(setup.lines.iter().cloned());
    lines.join("\n") + "\n"
}

const DATA: &[&str] = &[
    // A killed server has all acknowledged writes after a restart. With `everysec`, a reply may be sent up to two
    // seconds before the write to the file, while a sync is running. Writes survive the process without a sync.
    "save \"\"",
    "appendonly yes",
    "appendfsync no",
    "enable-debug-command yes",
    // A replica is in sync at once. By default, the master waits five seconds for other replicas.
    "repl-diskless-sync-delay 0",
    "masteruser rig",
    "masterauth -",
];

const CLUSTER: &[&str] = &[
    "cluster-enabled yes",
    // A master that has ended is replaced within two or three seconds. A slow one is not replaced.
    "cluster-node-timeout 1000",
    // A replica may be promoted however long ago it lost its master. It keeps its master.
    "cluster-replica-validity-factor 0",
    "cluster-allow-replica-migration no",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn config_of(mode: Mode) -> String {
        let setup = Setup {
            mode,
            lines: &["maxmemory 1mb".into()],
            ..Setup::default()
        };
        let ports = Ports {
            client: 4711,
            bus: 4712,
        };
        config(&setup, Path::new("/tmp/a folder"), ports)
    }

    #[test]
    fn a_single_server_keeps_its_data() {
        let config = config_of(Mode::Alone);

        assert!(config.contains("\nport 4711\n"), "{config}");
        assert!(config.contains("\ndir \"/tmp/a folder\"\n"), "{config}");
        assert!(config.contains("\nappendonly yes\n"), "{config}");
        assert!(!config.contains("cluster"), "{config}");
        assert!(config.ends_with("\nmaxmemory 1mb\n"), "{config}");
    }

    #[test]
    fn a_server_with_tls_has_no_plain_port() {
        let config = config_of(Mode::Tls);

        assert!(config.contains("\nport 0\ntls-port 4711\n"), "{config}");
    }

    #[test]
    fn a_node_of_a_cluster_has_a_bus_port() {
        let config = config_of(Mode::Cluster);

        assert!(config.contains("\ncluster-port 4712\n"), "{config}");
        assert!(config.contains("\nappendonly yes\n"), "{config}");
    }

    #[test]
    fn a_sentinel_keeps_no_data() {
        assert!(!config_of(Mode::Sentinel).contains("appendonly"));
    }
}
