//! From the settings to a running site, and cleanly down again.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use actix_web::{
    HttpServer,
    cookie::{Key, time},
};
use sessile::{
    SessionMiddleware,
    config::PersistentSession,
    storage::{AnySessionStore, StoreError},
};

use crate::{
    app::app,
    config::Config,
    secret_key::{self, SecretKeyError},
};

/// How long a session lives after its last change.
const SESSION_TTL: time::Duration = time::Duration::days(7);

/// How often ended sessions are swept out of a database.
const CLEANUP_PERIOD: Duration = Duration::from_secs(10 * 60);

/// How long requests that are under way may take to end once the site is told to stop.
const SHUTDOWN_SECONDS: u64 = 5;

/// Checking a password fills 19 MiB: this bounds how many each worker checks at once.
const BLOCKING_THREADS: usize = 4;

/// Why the site doesn't run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),

    #[error("the store can't be opened")]
    OpenStore(#[source] StoreError),

    #[error("the store can't be brought to rest")]
    CloseStore(#[source] StoreError),

    #[error("can't listen on {addr}")]
    Listen { addr: SocketAddr, source: io::Error },

    #[error("the address can't be printed")]
    Announce(#[source] io::Error),

    #[error("the server stopped by itself")]
    Serve(#[source] io::Error),
}

/// Serves the site until Ctrl-C (or SIGTERM).
pub(crate) async fn run(config: &Config) -> Result<(), ServerError> {
    let key = secret_key::load_or_create(&config.secret_key_file)?;
    let store = AnySessionStore::builder(config.store.as_str())
        .create_table(true)
        .build()
        .await
        .map_err(ServerError::OpenStore)?;
    let cleanup = store.start_cleanup(CLEANUP_PERIOD);

    let served = serve(config.addr, sessions(store.clone(), key)).await;

    // Whether it went well or not: the last changes are to be in the database file itself.
    if let Some(cleanup) = cleanup {
        cleanup.stop().await;
    }
    let closed = store.close().await;
    served?;
    closed.map_err(ServerError::CloseStore)
}

/// Everything about sessions that an application has to say.
fn sessions(store: AnySessionStore, key: Key) -> SessionMiddleware<AnySessionStore> {
    SessionMiddleware::builder(store, key)
        .cookie_name("sessile-demo".to_owned())
        // The demo speaks plain HTTP, over which not every browser keeps a `Secure` cookie, not
        // even for the machine itself. A real site speaks HTTPS and leaves this line out.
        .cookie_secure(false)
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
