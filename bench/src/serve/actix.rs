//! The handlers on Actix Web: the same ones for every library.

use actix_web::{
    FromRequest, Result,
    web::{self, ServiceConfig},
};

/// A session as the handlers see it, whichever library it comes from.
pub(super) trait Visit: FromRequest + 'static {
    /// Fills a new session.
    fn begin(&self) -> Result<()>;

    /// The counter, or zero.
    fn count(&self) -> Result<u64>;

    /// Adds one to the counter, and tells what it is then.
    fn add_one(&self) -> Result<u64>;
}

pub(super) fn routes<V: Visit>(config: &mut ServiceConfig) {
    config
        .route("/begin", web::post().to(begin::<V>))
        .route("/read", web::get().to(read::<V>))
        .route("/change", web::post().to(change::<V>))
        .route("/idle", web::get().to(idle));
}

async fn begin<V: Visit>(visit: V) -> Result<String> {
    visit.begin()?;
    Ok("0".to_owned())
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
