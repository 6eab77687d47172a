//! A place for sessions: an address, and the server behind it.

use std::{any::Any, time::Duration};

use sessile::storage::AnySessionStore;
use sessile_rig::{
    mariadb::MariaDb,
    postgres::Postgres,
    redis::{Cluster, Redis, Sentinel},
};

/// Far above the duration of an operation that succeeds.
pub(crate) const ENOUGH: Duration = Duration::from_secs(120);

pub(crate) struct Place {
    pub(crate) address: String,
    /// The servers that have to live as long as the address is used.
    _server: Box<dyn Any>,
}

impl Place {
    fn new(address: impl Into<String>, server: impl Any) -> Self {
        Self {
            address: address.into(),
            _server: Box::new(server),
        }
    }

    /// In this process, or in the browser.
    pub(crate) fn without_server(address: &str) -> Self {
        Self::new(address, ())
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        Self::new(format!("sqlite:{}", file.display()), folder)
    }

    pub(crate) fn postgres() -> Self {
        let server = Postgres::start().unwrap();
        Self::new(server.url(), server)
    }

    pub(crate) fn mariadb() -> Self {
        let server = MariaDb::start().unwrap();
        Self::new(server.url(), server)
    }

    pub(crate) fn redis() -> Self {
        let server = Redis::start().unwrap();
        Self::new(server.url(), server)
    }

    pub(crate) fn redis_socket() -> Self {
        let server = Redis::start().unwrap();
        let address = format!("redis+unix:{}", server.unix_socket().display());
        Self::new(address, server)
    }

    pub(crate) fn redis_actor() -> Self {
        let server = Redis::start().unwrap();
        let address = format!("redis+actor://127.0.0.1:{}", server.port());
        Self::new(address, server)
    }

    pub(crate) fn cluster() -> Self {
        let cluster = Cluster::start().unwrap();
        let hosts = hosts(&cluster.urls());
        Self::new(format!("redis+cluster://{hosts}"), cluster)
    }

    pub(crate) fn sentinel() -> Self {
        let sentinel = Sentinel::start().unwrap();
        let hosts = hosts(&sentinel.sentinel_urls());
        let address = format!("redis+sentinel://{hosts}/{}", sentinel.master_name());
        Self::new(address, sentinel)
    }

    pub(crate) async fn open(&self) -> AnySessionStore {
        let builder = AnySessionStore::builder(self.address.as_str())
            .create_table(true)
            // A slow machine must not fail the test.
            .connect_timeout(ENOUGH)
            .response_timeout(ENOUGH);
        in_time(builder.build()).await.unwrap()
    }
}

fn hosts(urls: &[String]) -> String {
    let hosts = urls.iter().map(|url| url.trim_start_matches("redis://"));
    hosts.collect::<Vec<_>>().join(",")
}

/// The output of `future`. Panics if it takes too long.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(ENOUGH, future).await;
    bounded.expect("the operation takes too long")
}
