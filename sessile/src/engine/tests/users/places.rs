//! Stores on real servers, each opened by two servers of an application.

use std::any::Any;

use deadpool_postgres::Manager;
use sessile_rig::{
    mariadb::MariaDb,
    postgres::Postgres,
    redis::{Cluster, Redis, Sentinel},
};

use super::*;
use crate::storage::{
    AnySessionStore, BoxFuture, MySqlSessionStore, PostgresSessionStore, RedisSessionStore,
    StoreError,
};

/// Far more time than any operation takes.
const ENOUGH: Duration = Duration::from_secs(120);

/// A store, as two servers of an application open it.
struct Place {
    stores: [AnySessionStore; 2],
    /// The server that has to live as long as the store is used.
    _server: Box<dyn Any>,
}

impl Place {
    /// The store at this address.
    async fn at(address: &str, server: impl Any) -> Self {
        Self::new(async || open(address).await, server).await
    }

    async fn new(open: impl AsyncFn() -> AnySessionStore, server: impl Any) -> Self {
        Self {
            stores: [open().await, open().await],
            _server: Box::new(server),
        }
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        Self::at(&format!("sqlite:{}", file.display()), folder).await
    }

    async fn postgres() -> Self {
        let server = Postgres::start().unwrap();
        Self::at(&server.url(), server).await
    }

    async fn postgres_pool() -> Self {
        let server = Postgres::start().unwrap();
        let address = server.url();
        let open = async || {
            let manager = Manager::new(address.parse().unwrap(), tokio_postgres::NoTls);
            let pool = deadpool_postgres::Pool::builder(manager).max_size(5);
            let pool = pool.runtime(deadpool_postgres::Runtime::Tokio1).build();
            let builder = PostgresSessionStore::builder_pooled(pool.unwrap()).create_table(true);
            let store = builder.response_timeout(ENOUGH).connect_timeout(ENOUGH);
            AnySessionStore::with_capabilities(boxed(store.build()).await.unwrap())
        };
        Self::new(open, server).await
    }

    async fn mariadb() -> Self {
        let server = MariaDb::start().unwrap();
        Self::at(&server.url(), server).await
    }

    async fn mariadb_pool() -> Self {
        let server = MariaDb::start().unwrap();
        let address = server.url();
        let open = async || {
            let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(5);
            let pool = pool.connect(&address).await.unwrap();
            let builder = MySqlSessionStore::builder_pooled(pool).create_table(true);
            let store = builder.response_timeout(ENOUGH).connect_timeout(ENOUGH);
            AnySessionStore::with_capabilities(boxed(store.build()).await.unwrap())
        };
        Self::new(open, server).await
    }

    async fn redis() -> Self {
        let server = Redis::start().unwrap();
        Self::at(&server.url(), server).await
    }

    async fn redis_pool() -> Self {
        let server = Redis::start().unwrap();
        let address = server.url();
        let open = async || {
            let pool = deadpool_redis::Config::from_url(&*address);
            let pool = pool.create_pool(Some(deadpool_redis::Runtime::Tokio1));
            let builder = RedisSessionStore::builder_pooled(pool.unwrap());
            let store = builder.response_timeout(ENOUGH);
            AnySessionStore::with_capabilities(boxed(store.build()).await.unwrap())
        };
        Self::new(open, server).await
    }

    async fn redis_actor() -> Self {
        let server = Redis::start().unwrap();
        let address = format!("redis+actor://127.0.0.1:{}", server.port());
        Self::at(&address, server).await
    }

    async fn redis_cluster() -> Self {
        let cluster = Cluster::start().unwrap();
        let address = format!("redis+cluster://{}", hosts(&cluster.urls()));
        Self::at(&address, cluster).await
    }

    async fn redis_sentinel() -> Self {
        let sentinel = Sentinel::start().unwrap();
        let hosts = hosts(&sentinel.sentinel_urls());
        let address = format!("redis+sentinel://{hosts}/{}", sentinel.master_name());
        Self::at(&address, sentinel).await
    }

    /// The servers of an application that share the store.
    fn servers(&self, limit: Option<SessionLimit>) -> [World<AnySessionStore>; 2] {
        let clock = ManualClock::default();
        servers(&self.stores, [&clock, &clock], limit, |settings| {
            touching(settings);
            settings.store_timeout = ENOUGH;
        })
    }
}

async fn open(address: &str) -> AnySessionStore {
    let builder = AnySessionStore::builder(address).create_table(true);
    let builder = builder.connect_timeout(ENOUGH).response_timeout(ENOUGH);
    boxed(builder.build()).await.unwrap()
}

/// Hides the type of the future, which is so large that the compiler refuses futures that contain it.
fn boxed<'a, S>(
    building: impl Future<Output = Result<S, StoreError>> + Send + 'a,
) -> BoxFuture<'a, Result<S, StoreError>> {
    Box::pin(building)
}

fn hosts(urls: &[String]) -> String {
    let hosts = urls.iter().map(|url| url.trim_start_matches("redis://"));
    hosts.collect::<Vec<_>>().join(",")
}

mod at_once {
    use super::*;
    use crate::engine::tests::users::{
        at_once::{limits_are_exact, nothing_is_left},
        clocks::clocks_may_differ,
    };

    /// How many rounds there are; 50 by `cargo xtask test --full`.
    fn rounds() -> usize {
        std::env::var("SESSILE_TEST_ROUNDS").map_or(1, |number| number.parse().unwrap())
    }

    async fn holds_on(place: Place) {
        limits_are_exact(|limit| place.servers(limit), rounds()).await;
        let servers = place.servers(None);
        for round in 0..rounds() {
            nothing_is_left(&servers, round % 20).await;
        }
        clocks_may_differ(&place.stores).await;
    }

    #[tokio::test]
    async fn on_sqlite() {
        holds_on(Place::sqlite().await).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        holds_on(Place::postgres().await).await;
    }

    #[tokio::test]
    async fn on_postgres_with_a_pool() {
        holds_on(Place::postgres_pool().await).await;
    }

    #[tokio::test]
    async fn on_mariadb() {
        holds_on(Place::mariadb().await).await;
    }

    #[tokio::test]
    async fn on_mariadb_with_a_pool() {
        holds_on(Place::mariadb_pool().await).await;
    }

    #[tokio::test]
    async fn on_redis() {
        holds_on(Place::redis().await).await;
    }

    #[tokio::test]
    async fn on_redis_with_a_pool() {
        holds_on(Place::redis_pool().await).await;
    }

    #[actix_web::test]
    async fn on_redis_through_an_actor() {
        holds_on(Place::redis_actor().await).await;
    }

    #[tokio::test]
    async fn on_a_redis_cluster() {
        holds_on(Place::redis_cluster().await).await;
    }

    #[tokio::test]
    async fn on_redis_behind_sentinels() {
        holds_on(Place::redis_sentinel().await).await;
    }
}

mod crashes {
    use super::*;
    use crate::engine::tests::users::crashes::{sessions, what_was_ended_stays_ended};

    /// In Redis, a sign-in that crashed is not counted for a minute.
    async fn end_what_they_have_to_on(place: Place, max_polls: usize, has_exact_limits: bool) {
        let servers = |limit| place.servers(limit);
        what_was_ended_stays_ended(servers, sessions(300), max_polls, has_exact_limits).await;
    }

    #[tokio::test]
    async fn on_sqlite() {
        end_what_they_have_to_on(Place::sqlite().await, 4, true).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        end_what_they_have_to_on(Place::postgres().await, 8, true).await;
    }

    #[tokio::test]
    async fn on_mariadb() {
        end_what_they_have_to_on(Place::mariadb().await, 24, true).await;
    }

    #[tokio::test]
    async fn on_redis() {
        end_what_they_have_to_on(Place::redis().await, 12, false).await;
    }

    #[tokio::test]
    async fn on_a_redis_cluster() {
        end_what_they_have_to_on(Place::redis_cluster().await, 12, false).await;
    }
}
