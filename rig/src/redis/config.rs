//! What a server is told in its `redis.conf`.

use std::path::Path;

/// The rig's own user, which any password lets in. A test may give the default user any password, or none.
pub(crate) const USER: &str = "rig";

/// The unix socket's name in the server's folder.
pub(crate) const SOCKET: &str = "redis.sock";

/// What kind of server to start, and how.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Setup<'a> {
    pub(crate) mode: Mode,
    /// What the command line says.
    pub(crate) arguments: &'a [&'a str],
    /// What its configuration ends with.
    pub(crate) lines: &'a [String],
    /// What is in its folder before it starts: names and contents.
    pub(crate) files: &'a [(&'a str, &'a str)],
}

/// What a server is for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Serves data.
    #[default]
    Alone,
    /// Serves data, and listens with TLS only.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only `TlsRedis` has it")
    )]
    Tls,
    /// A node of a cluster.
    Cluster,
    /// Watches other servers.
    Sentinel,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// For clients.
    pub(crate) client: u16,
    /// For the other nodes of a cluster. By default it would be 10000 above the other one, and may be taken.
    pub(crate) bus: u16,
}

/// The whole file.
pub(crate) fn config(setup: &Setup<'_>, folder: &Path, ports: Ports) -> String {
    let Ports { client, bus } = ports;
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        // First of the lines that name files: what follows is relative to it.
        format!("dir \"{}\"", folder.display()),
        format!("unixsocket {SOCKET}"),
        format!("user {USER} on nopass ~* &* +@all"),
    ];
    match setup.mode {
        Mode::Tls => lines.extend(["port 0".to_owned(), format!("tls-port {client}")]),
        Mode::Alone | Mode::Cluster | Mode::Sentinel => lines.push(format!("port {client}")),
    }
    if setup.mode != Mode::Sentinel {
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
    // A killed server comes back with every write it answered for. Not `everysec`: while that syncs, answers run
    // up to two seconds ahead of the file. What was written survives the process without a sync.
    "save \"\"",
    "appendonly yes",
    "appendfsync no",
    "enable-debug-command yes",
    // A replica is in step at once, and not after the five seconds that others might join it in.
    "repl-diskless-sync-delay 0",
    "masteruser rig",
    "masterauth -",
];

const CLUSTER: &[&str] = &[
    "cluster-enabled yes",
    // A dead master is replaced within two or three seconds, and one that is only slow is not.
    "cluster-node-timeout 1000",
    // A replica may take over however long ago it lost its master, and stays with the master it was given.
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
    fn one_alone_keeps_its_data() {
        let config = config_of(Mode::Alone);

        assert!(config.contains("\nport 4711\n"), "{config}");
        assert!(config.contains("\ndir \"/tmp/a folder\"\n"), "{config}");
        assert!(config.contains("\nappendonly yes\n"), "{config}");
        assert!(!config.contains("cluster"), "{config}");
        assert!(config.ends_with("\nmaxmemory 1mb\n"), "{config}");
    }

    #[test]
    fn one_with_tls_has_no_plain_port() {
        let config = config_of(Mode::Tls);

        assert!(config.contains("\nport 0\ntls-port 4711\n"), "{config}");
    }

    #[test]
    fn a_node_of_a_cluster_names_its_bus_port() {
        let config = config_of(Mode::Cluster);

        assert!(config.contains("\ncluster-port 4712\n"), "{config}");
        assert!(config.contains("\nappendonly yes\n"), "{config}");
    }

    #[test]
    fn a_sentinel_keeps_no_data() {
        assert!(!config_of(Mode::Sentinel).contains("appendonly"));
    }
}
