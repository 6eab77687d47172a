//! Starting the site, serving it, and stopping it.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use actix_web::HttpServer;
use sessile::{
    clock::SystemClock,
    storage::{AnySessionStore, ManagedStore as _, StoreError},
};

use crate::{
    app::app,
    certificate::{self, CertificateError},
    config::Config,
    secret_key::{self, SecretKeyError},
    site::Site,
    stores::{Outage, WithOutages},
    throttle::Throttle,
};

/// The interval at which expired sessions are deleted from a database.
const CLEANUP_PERIOD: Duration = Duration::from_secs(10 * 60);

/// The time that running requests have to complete when the site stops.
const SHUTDOWN_SECONDS: u64 = 5;

/// The maximum number of concurrent password checks per worker. Each check needs 19 MiB of memory.
const BLOCKING_THREADS: usize = 4;

/// The site could not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),

    #[error(transparent)]
    Certificate(#[from] CertificateError),

    #[error("the store can't be opened")]
    OpenStore(#[source] StoreError),

    #[error("the store can't be closed")]
    CloseStore(#[source] StoreError),

    #[error("can't listen on {addr}")]
    Listen { addr: SocketAddr, source: io::Error },

    #[error("the address can't be printed")]
    Announce(#[source] io::Error),

    #[error("the server stopped by itself")]
    Serve(#[source] io::Error),
}

/// Serves the site until it receives SIGINT (Ctrl-C) or SIGTERM.
pub(crate) async fn run(config: &Config) -> Result<(), ServerError> {
    let keys = secret_key::load_or_create(&config.secret_key_file)?;
    let store = AnySessionStore::builder(config.store.as_str())
        .create_table(true)
        .build()
        .await
        .map_err(ServerError::OpenStore)?;
    let cleanup = store.start_cleanup(CLEANUP_PERIOD);

    let outage = Outage::default();
    let sessions = WithOutages::new(store.clone(), outage.clone());
    let site = Site::new(config, sessions, outage, keys, Throttle::new(SystemClock));
    let served = serve(config, site).await;

    // The store is closed even after an error, so that the database file has the last changes.
    if let Some(cleanup) = cleanup {
        cleanup.stop().await;
    }
    let closed = store.close().await;
    served?;
    closed.map_err(ServerError::CloseStore)
}

async fn serve(config: &Config, site: Site) -> Result<(), ServerError> {
    let addr = config.addr;
    let listen = |source| ServerError::Listen { addr, source };
    let server = HttpServer::new(move || app(site.clone()))
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .shutdown_timeout(SHUTDOWN_SECONDS);
    let server = if config.https {
        let tls = certificate::load_or_create(&config.certificate_file)?;
        server.bind_rustls_0_23(addr, tls).map_err(listen)?
    } else {
        server.bind(addr).map_err(listen)?
    };
    for (bound, scheme) in server.addrs_with_scheme() {
        announce(bound, scheme).map_err(ServerError::Announce)?;
    }
    server.run().await.map_err(ServerError::Serve)
}

fn announce(addr: SocketAddr, scheme: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "sessile demo listening on {scheme}://{addr}")?;
    stdout.flush()
}
