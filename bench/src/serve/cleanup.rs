//! Deleting expired sessions while requests are served.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::web::{self, Data, ServiceConfig};
use sessile::storage::{
    CleanupTask, MySqlSessionStore, PostgresSessionStore, SessionStore, SqliteSessionStore,
};

/// A store that deletes expired sessions only in a clean-up.
pub(super) trait Cleans: SessionStore + Clone {
    fn start_cleanup(&self) -> CleanupTask;
}

/// Far longer than the measurement, so that there is one clean-up.
const PERIOD: Duration = Duration::from_secs(60 * 60);

macro_rules! cleans {
    ($($store:ty),*) => {$(
        impl Cleans for $store {
            fn start_cleanup(&self) -> CleanupTask {
                <$store>::start_cleanup(self, PERIOD)
            }
        }
    )*};
}

cleans!(SqliteSessionStore, PostgresSessionStore, MySqlSessionStore);

/// The request that starts a clean-up.
pub(super) fn routes<S: Cleans>(store: &S) -> impl Fn(&mut ServiceConfig) + Clone + use<S> {
    let cleanup = Data::new(Cleanup {
        store: store.clone(),
        task: Mutex::default(),
    });
    move |config| {
        config
            .app_data(cleanup.clone())
            .route("/cleanup", web::post().to(start::<S>));
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
