//! The same handlers on axum, with tower-sessions and without.

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use tower_sessions::{Session, SessionManagerLayer, SessionStore};

use crate::shared::{CONTENT, COUNT};

/// The handlers without a session layer.
pub(crate) fn bare() -> Router {
    let nothing = || async { "0".to_owned() };
    Router::new()
        .route("/begin", post(nothing))
        .route("/read", get(nothing))
        .route("/change", post(nothing))
        .route("/idle", get(idle))
}

/// The handlers with sessions in `store`.
pub(crate) fn with_sessions<S: SessionStore + Clone>(store: S) -> Router {
    Router::new()
        .route("/begin", post(begin))
        .route("/read", get(read))
        .route("/change", post(change))
        .route("/idle", get(idle))
        .layer(SessionManagerLayer::new(store))
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
