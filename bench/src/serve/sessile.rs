//! Sessile with its stores.

use std::sync::{Arc, atomic::Ordering};

use actix_web::{
    App, HttpServer, Result,
    web::{self, Data, ServiceConfig},
};
use serde::Serialize;
use sessile::{
    Session, SessionMiddleware,
    config::Loading,
    storage::{
        CookieSessionStore, MemorySessionStore, MySqlSessionStore, NearCacheConfig,
        PostgresSessionStore, RedisSessionStore, SessionStore, SqliteSessionStore,
    },
};

use super::{
    COUNT,
    actix::{Visit, routes},
    cleanup,
    counted::{Counted, Counts},
    prefill::prefill,
};
use crate::{cli::Serve, subject::Subject};

pub(super) async fn memory(options: &Serve) -> anyhow::Result<()> {
    // Enough for the million sessions of the largest measurement.
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

pub(super) async fn redis_near(options: &Serve) -> anyhow::Result<()> {
    let store = RedisSessionStore::builder(&options.store)
        .near_cache(NearCacheConfig::default())
        .build()
        .await?;
    serve(store, options, |_| ()).await
}

pub(super) async fn sqlite(options: &Serve) -> anyhow::Result<()> {
    let store = SqliteSessionStore::new(&options.store).await?;
    let cleanup = cleanup::routes(&store);
    serve(store, options, cleanup).await
}

pub(super) async fn postgres(options: &Serve) -> anyhow::Result<()> {
    let store = PostgresSessionStore::builder(&options.store)
        .create_table(true)
        .build()
        .await?;
    let cleanup = cleanup::routes(&store);
    serve(store, options, cleanup).await
}

pub(super) async fn mariadb(options: &Serve) -> anyhow::Result<()> {
    let store = MySqlSessionStore::builder(&options.store)
        .create_table(true)
        .build()
        .await?;
    let cleanup = cleanup::routes(&store);
    serve(store, options, cleanup).await
}

/// Stores the sessions that the command line asks for in `store`, and serves with it.
async fn serve<S, R>(store: S, options: &Serve, more_routes: R) -> anyhow::Result<()>
where
    S: SessionStore + Clone,
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    prefill(&store, options).await?;
    if !options.counted {
        return run(store, options.subject, more_routes).await;
    }
    let counts = Arc::new(Counts::default());
    let store = Counted::new(store, Arc::clone(&counts));
    run(store, options.subject, move |config| {
        config
            .app_data(Data::from(Arc::clone(&counts)))
            .route("/updates", web::post().to(number_of_updates))
            .route("/conflicts", web::post().to(number_of_conflicts));
        more_routes(config);
    })
    .await
}

async fn run<S, R>(store: S, subject: Subject, more_routes: R) -> anyhow::Result<()>
where
    S: SessionStore,
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let loading = match subject {
        Subject::RedisLazy => Loading::Lazy,
        _ => Loading::default(),
    };
    let sessions = SessionMiddleware::builder(store, super::key())
        .loading(loading)
        .build();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(sessions.clone())
            .configure(routes::<Session>)
            .configure(more_routes.clone())
    });
    Ok(server
        .workers(1)
        .keep_alive(super::WAITING)
        .client_request_timeout(super::WAITING)
        .listen(super::listen()?)?
        .run()
        .await?)
}

impl Visit for Session {
    fn put(&self, name: &str, value: impl Serialize) -> Result<()> {
        Ok(self.insert(name, value)?)
    }

    fn count(&self) -> Result<u64> {
        Ok(self.get(COUNT)?.unwrap_or(0))
    }

    fn add_one(&self) -> Result<u64> {
        self.update_or(COUNT, 1, |count: u64| count + 1)?;
        self.count()
    }
}

async fn number_of_updates(counts: Data<Counts>) -> String {
    counts.updates.load(Ordering::Relaxed).to_string()
}

async fn number_of_conflicts(counts: Data<Counts>) -> String {
    counts.conflicts.load(Ordering::Relaxed).to_string()
}
