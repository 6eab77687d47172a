//! Starting the site, serving it, and stopping it.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use actix_web::HttpServer;
use sessile::{
    SessionMiddleware,
    config::{KeyRing, PersistentSession, time},
    storage::{AnySessionStore, ManagedStore as _, StoreError},
};

use crate::{
    app::app,
    config::Config,
    secret_key::{self, SecretKeyError},
};

/// The lifetime of a session after its last change.
const SESSION_TTL: time::Duration = time::Duration::days(7);

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

    let served = serve(config.addr, sessions(store.clone(), keys)).await;

    // The store is closed even after an error, so that the database file has the last changes.
    if let Some(cleanup) = cleanup {
        cleanup.stop().await;
    }
    let closed = store.close().await;
    served?;
    closed.map_err(ServerError::CloseStore)
}

/// The configuration of the sessions.
fn sessions(store: AnySessionStore, keys: KeyRing) -> SessionMiddleware<AnySessionStore> {
    SessionMiddleware::builder(store, keys)
        .cookie_name("sessile-demo".to_owned())
        // Some browsers keep no `Secure` cookie without HTTPS, not even for localhost. A real site uses HTTPS and omits
        // this line.
        .allow_plain_http(true)
        .session_lifecycle(PersistentSession::default().session_ttl(SESSION_TTL))
        .build()
}

async fn serve(
    addr: SocketAddr,
    sessions: SessionMiddleware<AnySessionStore>,
) -> Result<(), ServerError> {
    let server = HttpServer::new(move || app(sessions.clone()))
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .bind(addr)
        .map_err(|source| ServerError::Listen { addr, source })?;

    for bound in server.addrs() {
        announce(bound).map_err(ServerError::Announce)?;
    }
    server.run().await.map_err(ServerError::Serve)
}

fn announce(addr: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "sessile demo listening on http://{addr}")?;
    stdout.flush()
}
