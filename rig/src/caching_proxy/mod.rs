//! Reverse proxies with a cache in front of a web server: nginx and Apache httpd.
//!
//! ```
//! use std::{
//!     io::{Read, Write},
//!     net::{TcpListener, TcpStream},
//!     thread,
//! };
//!
//! use sessile_rig::caching_proxy::CachingProxy;
//!
//! let upstream = TcpListener::bind(("127.0.0.1", 0))?;
//! let port = upstream.local_addr()?.port();
//! thread::spawn(move || {
//!     let (mut stream, _) = upstream.accept().unwrap();
//!     let _ = stream.read(&mut [0; 4096]);
//!     let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage");
//! });
//!
//! let proxy = CachingProxy::nginx(port)?;
//! // The upstream answers one request. The cache answers the other.
//! for x_cache in ["X-Cache: MISS", "X-Cache: HIT"] {
//!     let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
//!     client.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
//!     let mut response = String::new();
//!     client.read_to_string(&mut response)?;
//!     assert!(response.contains(x_cache) && response.ends_with("page"), "{response}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Settings
//!
//! Both are configured for many hits, by an administrator who trusts the application's headers:
//!
//! | | nginx | Apache httpd |
//! | --- | --- | --- |
//! | every path is cached | `proxy_cache` | `CacheEnable disk /` |
//! | a response without a lifetime is kept for ten minutes | `proxy_cache_valid any 10m` | `CacheDefaultExpire 600`, `CacheIgnoreNoLastMod On` |
//! | `X-Cache` says whether the cache answered | `add_header` | `CacheHeader on` |
//! | parallel requests for a page don't wait for each other | `proxy_cache_lock`: off by default | `CacheLock off` |
//!
//! The settings that ignore the application's headers keep their defaults, because no application is safe with
//! them: `proxy_ignore_headers` in nginx, and `CacheStorePrivate`, `CacheStoreNoStore` and
//! `CacheIgnoreCacheControl` in Apache. `CacheIgnoreHeaders` keeps its default as well: Apache stores
//! `Set-Cookie` with a page. nginx never caches a response with `Set-Cookie`.
//!
//! The configurations are `nginx.conf` and `apache.conf` beside this file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    Error, Process, Ready, account::Account, port::on_free_port, program::find_program_in,
};

/// The users that the server may run as if the tests run as root: Apache refuses to run as root.
const ACCOUNTS: &[&str] = &["www-data", "nobody"];

/// A running reverse proxy that caches.
///
/// It listens on a free port of 127.0.0.1. Its configuration, cache and logs are in its temporary folder. Dropping it
/// kills the server and removes the folder.
#[derive(Debug)]
pub struct CachingProxy {
    process: Process,
    port: u16,
}

impl CachingProxy {
    /// Starts nginx in front of the web server on this port of 127.0.0.1, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if nginx is not installed, and the errors of [`Process::start`].
    pub fn nginx(upstream: u16) -> Result<Self, Error> {
        Self::start(&NGINX, upstream)
    }

    /// Starts Apache httpd in front of the web server on this port of 127.0.0.1, and waits until it accepts
    /// connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if Apache httpd is not installed, and the errors of [`Process::start`].
    pub fn apache(upstream: u16) -> Result<Self, Error> {
        Self::start(&APACHE, upstream)
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The errors and warnings that the server logged.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The temporary folder.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    fn start(server: &Server, upstream: u16) -> Result<Self, Error> {
        // Not every user has this folder on the `PATH`.
        let folders = [PathBuf::from("/usr/sbin")];
        let program = find_program_in(&folders, server.program, &[server.package])?;
        on_free_port(server.program, |port| {
            Ok(Self {
                process: start_on(port, server, &program, upstream)?,
                port,
            })
        })
    }
}

/// A web server that can cache.
struct Server {
    program: &'static str,
    package: &'static str,
    /// The name and the content of its configuration file, with placeholders.
    config: (&'static str, &'static str),
    /// Adds the arguments with which the program runs in the given folder, with the configuration there.
    arguments: fn(&mut Command, &Path),
}

const NGINX: Server = Server {
    program: "nginx",
    package: "nginx",
    config: ("nginx.conf", include_str!("nginx.conf")),
    arguments: |command, folder| {
        // Without `-e`, nginx logs to its package's file until it has read the configuration.
        command
            .args(["-c", "nginx.conf", "-e", "stderr", "-p"])
            .arg(folder);
    },
};

const APACHE: Server = Server {
    program: "apache2",
    package: "apache2-bin",
    config: ("apache.conf", include_str!("apache.conf")),
    arguments: |command, folder| {
        command
            .args(["-D", "FOREGROUND", "-f", "apache.conf", "-d"])
            .arg(folder);
    },
};

fn start_on(port: u16, server: &Server, program: &Path, upstream: u16) -> Result<Process, Error> {
    let failed = |action| Error::system(server.program, action);
    let account = Account::first_of(ACCOUNTS).map_err(failed("find a user"))?;
    let folder = TempDir::with_prefix("sessile-caching-proxy-")
        .map_err(failed("create a temporary folder"))?;
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).map_err(failed("create a folder for its cache"))?;
    let log = folder.path().join(Process::LOG);
    fs::write(&log, "").map_err(failed("create its log"))?;
    for owned in [folder.path(), &cache, &log] {
        account
            .chown(owned)
            .map_err(failed("change the owner of its folder"))?;
    }
    let (name, template) = server.config;
    let config = template
        .replace("@FOLDER@", &folder.path().to_string_lossy())
        .replace("@PORT@", &port.to_string())
        .replace("@UPSTREAM@", &upstream.to_string());
    fs::write(folder.path().join(name), config).map_err(failed("write its configuration"))?;

    let mut command = Command::new(program);
    (server.arguments)(&mut command, folder.path());
    account.apply_to(&mut command);
    // The port is no proof: if another process listens on it, nginx tries to bind it for two seconds.
    let pid = folder.path().join("pid");
    let ready = Ready::probe("its pid file", move || pid.exists());
    Process::start_in(folder, command, ready)
}
