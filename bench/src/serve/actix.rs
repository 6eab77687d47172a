//! The handlers on Actix Web: the same ones for every library.

use actix_web::{
    FromRequest, Result,
    web::{self, Path, ServiceConfig},
};
use serde::Serialize;

use super::{CONTENT, COUNT};

/// A session as the handlers see it, whichever library it comes from.
pub(super) trait Visit: FromRequest + 'static {
    /// Puts a value into the session.
    fn put(&self, name: &str, value: impl Serialize) -> Result<()>;

    /// The counter, or zero.
    fn count(&self) -> Result<u64>;

    /// Increments the counter, and returns it.
    fn add_one(&self) -> Result<u64>;
}

pub(super) fn routes<V: Visit>(config: &mut ServiceConfig) {
    config
        .route("/begin", web::post().to(begin::<V>))
        .route("/begin/{bytes}", web::post().to(begin_with_size::<V>))
        .route("/read", web::get().to(read::<V>))
        .route("/change", web::post().to(change::<V>))
        .route("/idle", web::get().to(idle));
}

async fn begin<V: Visit>(visit: V) -> Result<String> {
    for &(name, value) in CONTENT {
        visit.put(name, value)?;
    }
    visit.put(COUNT, 0)?;
    Ok("0".to_owned())
}

/// Begins a session whose state takes about this many bytes as JSON.
async fn begin_with_size<V: Visit>(visit: V, bytes: Path<usize>) -> Result<String> {
    if let Some(padding) = padding(*bytes) {
        visit.put("pad", padding)?;
    }
    visit.put(COUNT, 0)?;
    Ok("0".to_owned())
}

/// The bytes that a state with a counter lacks to this size. Zero if a counter and an empty text are larger.
fn padding(bytes: usize) -> Option<String> {
    let empty = r#"{"count":0,"pad":""}"#.len();
    let missing = bytes.checked_sub(empty)?;
    Some(('a'..='z').cycle().take(missing).collect())
}

async fn read<V: Visit>(visit: V) -> Result<String> {
    Ok(visit.count()?.to_string())
}

async fn change<V: Visit>(visit: V) -> Result<String> {
    Ok(visit.add_one()?.to_string())
}

async fn idle() -> String {
    "0".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_fills_a_state_up_to_its_size() {
        assert_eq!(padding(16), None);
        assert_eq!(padding(20).as_deref(), Some(""));
        // {"count":0,"pad":"abcd"}
        assert_eq!(padding(24).as_deref(), Some("abcd"));
    }
}
