//! The same handlers on axum, with tower-sessions and without.

use anyhow::Context as _;
use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::{
    RedisStore,
    fred::prelude::{ClientLike as _, Config, Pool},
};

use super::{CONTENT, COUNT};

pub(super) fn bare() -> anyhow::Result<()> {
    run(async {
        let nothing = || async { "0".to_owned() };
        let app = Router::new()
            .route("/begin", post(nothing))
            .route("/read", get(nothing))
            .route("/change", post(nothing))
            .route("/idle", get(idle));
        serve(app).await
    })
}

pub(super) fn tower_memory() -> anyhow::Result<()> {
    run(async { serve(with_sessions(MemoryStore::default())).await })
}

pub(super) fn tower_redis(url: &str) -> anyhow::Result<()> {
    run(async {
        // As the documentation of the store has it.
        let pool = Pool::new(Config::from_url(url)?, None, None, None, 6)?;
        let connections = pool.connect();
        pool.wait_for_connect().await?;
        serve(with_sessions(RedisStore::new(pool))).await?;
        connections.await.context("can't wait for Redis")??;
        Ok(())
    })
}

fn run(server: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(server)
}

fn with_sessions<S: SessionStore + Clone>(store: S) -> Router {
    Router::new()
        .route("/begin", post(begin))
        .route("/read", get(read))
        .route("/change", post(change))
        .route("/idle", get(idle))
        .layer(SessionManagerLayer::new(store))
}

async fn serve(app: Router) -> anyhow::Result<()> {
    let listener = super::listen()?;
    listener.set_nonblocking(true)?;
    Ok(axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await?)
}

type Answer = Result<String, StatusCode>;

async fn begin(session: Session) -> Answer {
    for &(name, value) in CONTENT {
        session.insert(name, value).await.map_err(failed)?;
    }
    session.insert(COUNT, 0).await.map_err(failed)?;
    Ok("0".to_owned())
}

async fn read(session: Session) -> Answer {
    Ok(count(&session).await?.to_string())
}

async fn change(session: Session) -> Answer {
    let count = count(&session).await? + 1;
    session.insert(COUNT, count).await.map_err(failed)?;
    Ok(count.to_string())
}

async fn idle() -> String {
    "0".to_owned()
}

async fn count(session: &Session) -> Result<u64, StatusCode> {
    Ok(session.get(COUNT).await.map_err(failed)?.unwrap_or(0))
}

fn failed(_: tower_sessions::session::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
