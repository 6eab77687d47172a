//! Deleting ended sessions while requests are served.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    Result,
    error::ErrorInternalServerError,
    web::{self, Data, ServiceConfig},
};
use sessile::storage::{
    CleanupTask, MySqlSessionStore, PostgresSessionStore, SessionStore, SqliteSessionStore,
    StoreError,
};

/// A store that has to be told to delete what has ended.
pub(super) trait Cleans: SessionStore + Clone {
    fn start_cleanup(&self) -> CleanupTask;

    fn delete_one_expired(&self) -> impl Future<Output = Result<u64, StoreError>>;
}

/// Far longer than anything that is measured: there is one cleanup.
const PERIOD: Duration = Duration::from_secs(60 * 60);

macro_rules! cleans {
    ($($store:ty),*) => {$(
        impl Cleans for $store {
            fn start_cleanup(&self) -> CleanupTask {
                <$store>::start_cleanup(self, PERIOD)
            }

            async fn delete_one_expired(&self) -> Result<u64, StoreError> {
                self.delete_expired(1).await
            }
        }
    )*};
}

cleans!(SqliteSessionStore, PostgresSessionStore, MySqlSessionStore);

/// What starts a cleanup, and tells whether it is done.
pub(super) fn routes<S: Cleans>(store: &S) -> impl Fn(&mut ServiceConfig) + Clone + use<S> {
    let cleanup = Data::new(Cleanup {
        store: store.clone(),
        task: Mutex::default(),
    });
    move |config| {
        config
            .app_data(cleanup.clone())
            .route("/cleanup", web::post().to(start::<S>))
            .route("/expired", web::post().to(expired::<S>));
    }
}

struct Cleanup<S> {
    store: S,
    task: Mutex<Option<CleanupTask>>,
}

async fn start<S: Cleans>(cleanup: Data<Cleanup<S>>) -> String {
    let task = cleanup.store.start_cleanup();
    *cleanup.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    "0".to_owned()
}

/// Whether ended sessions are left: one or none.
async fn expired<S: Cleans>(cleanup: Data<Cleanup<S>>) -> Result<String> {
    let deleted = cleanup.store.delete_one_expired().await;
    Ok(deleted.map_err(ErrorInternalServerError)?.to_string())
}
