//! Sessile with its stores.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, HttpServer, Result,
    error::ErrorInternalServerError,
    web::{self, Data, ServiceConfig},
};
use sessile::{
    Session, SessionMiddleware,
    storage::{
        CleanupTask, CookieSessionStore, MemorySessionStore, RedisSessionStore, SessionStore,
        SqliteSessionStore,
    },
};

use super::{
    CONTENT, COUNT,
    actix::{Visit, routes},
    counted::Counted,
    prefill::prefill,
};
use crate::cli::Serve;

pub(super) async fn memory(options: &Serve) -> anyhow::Result<()> {
    // Room for the million sessions of the largest measurement.
    let store = MemorySessionStore::builder().max_bytes(8 << 30).build();
    serve(store, options, |_| ()).await
}

pub(super) async fn cookie(options: &Serve) -> anyhow::Result<()> {
    serve(CookieSessionStore::default(), options, |_| ()).await
}

pub(super) async fn redis(options: &Serve) -> anyhow::Result<()> {
    let store = RedisSessionStore::new(&options.store).await?;
    serve(store, options, |_| ()).await
}

pub(super) async fn sqlite(options: &Serve) -> anyhow::Result<()> {
    let store = SqliteSessionStore::new(&options.store).await?;
    let cleanup = Data::new(Cleanup {
        store: store.clone(),
        task: Mutex::default(),
    });
    serve(store, options, move |config| {
        config
            .app_data(cleanup.clone())
            .route("/cleanup", web::post().to(start_cleanup))
            .route("/expired", web::post().to(expired));
    })
    .await
}

/// Serves with the sessions in `store`; those that the command line asks for are there already.
async fn serve<S, R>(store: S, options: &Serve, more_routes: R) -> anyhow::Result<()>
where
    S: SessionStore,
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    prefill(&store, options).await?;
    if !options.counted {
        return run(store, more_routes).await;
    }
    let conflicts = Arc::new(AtomicU64::new(0));
    let store = Counted::new(store, Arc::clone(&conflicts));
    run(store, move |config| {
        config
            .app_data(Data::from(Arc::clone(&conflicts)))
            .route("/conflicts", web::post().to(number_of_conflicts));
        more_routes(config);
    })
    .await
}

async fn run<S, R>(store: S, more_routes: R) -> anyhow::Result<()>
where
    S: SessionStore,
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let sessions = SessionMiddleware::new(store, super::key());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(sessions.clone())
            .configure(routes::<Session>)
            .configure(more_routes.clone())
    });
    Ok(server
        .workers(1)
        .keep_alive(super::KEEP_ALIVE)
        .listen(super::listen()?)?
        .run()
        .await?)
}

impl Visit for Session {
    fn begin(&self) -> Result<()> {
        for &(name, value) in CONTENT {
            self.insert(name, value)?;
        }
        Ok(self.insert(COUNT, 0)?)
    }

    fn count(&self) -> Result<u64> {
        Ok(self.get(COUNT)?.unwrap_or(0))
    }

    fn add_one(&self) -> Result<u64> {
        self.update_or(COUNT, 1, |count: u64| count + 1)?;
        self.count()
    }
}

async fn number_of_conflicts(conflicts: Data<AtomicU64>) -> String {
    conflicts.load(Ordering::Relaxed).to_string()
}

/// A store whose ended sessions are to be deleted while it is used.
struct Cleanup {
    store: SqliteSessionStore,
    task: Mutex<Option<CleanupTask>>,
}

async fn start_cleanup(cleanup: Data<Cleanup>) -> Result<String> {
    let task = cleanup.store.start_cleanup(Duration::from_secs(3600));
    *cleanup
        .task
        .lock()
        .map_err(|_| ErrorInternalServerError("poisoned"))? = Some(task);
    Ok("0".to_owned())
}

/// Whether ended sessions are left: one or none.
async fn expired(cleanup: Data<Cleanup>) -> Result<String> {
    let deleted = cleanup.store.delete_expired(1).await;
    Ok(deleted.map_err(ErrorInternalServerError)?.to_string())
}
