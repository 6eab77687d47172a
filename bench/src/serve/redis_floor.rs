//! Actix Web and the commands of a session, with no session layer: a `GET` for a read, a `GET` and a `SET` for a
//! change. Sessions in Redis can't cost less with this driver.

use actix_web::{
    App, HttpServer, Result,
    error::ErrorInternalServerError,
    web::{self, Data},
};
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion,
    RedisConnectionInfo, aio::MultiplexedConnection, caching::CacheConfig,
};

use super::stored_value;

const NAME: &str = "session";

/// The time to live of the value in seconds.
const TTL: u64 = 24 * 3600;

pub(super) async fn serve(url: &str, cached: bool) -> anyhow::Result<()> {
    connect(url, cached)
        .await?
        .set::<_, _, ()>(NAME, stored_value())
        .await?;
    let url = url.to_owned();
    let server = HttpServer::new(move || {
        let url = url.clone();
        App::new()
            // Each worker connects, so that the replies arrive on the thread that waits for them.
            .data_factory(move || {
                let url = url.clone();
                async move { connect(&url, cached).await }
            })
            .route("/read", web::get().to(read))
            .route("/change", web::post().to(change))
    });
    Ok(server
        .workers(1)
        .keep_alive(super::WAITING)
        .client_request_timeout(super::WAITING)
        .listen(super::listen()?)?
        .run()
        .await?)
}

async fn read(connection: Data<MultiplexedConnection>) -> Result<String> {
    get(&mut MultiplexedConnection::clone(&connection)).await?;
    Ok("0".to_owned())
}

async fn change(connection: Data<MultiplexedConnection>) -> Result<String> {
    let mut connection = MultiplexedConnection::clone(&connection);
    let value = get(&mut connection).await?;
    let stored = connection.set_ex::<_, _, ()>(NAME, value, TTL).await;
    stored.map_err(ErrorInternalServerError)?;
    Ok("0".to_owned())
}

async fn get(connection: &mut MultiplexedConnection) -> Result<String> {
    let value: Option<String> = connection
        .get(NAME)
        .await
        .map_err(ErrorInternalServerError)?;
    value.ok_or_else(|| ErrorInternalServerError("nothing is stored"))
}

async fn connect(url: &str, cached: bool) -> redis::RedisResult<MultiplexedConnection> {
    let mut info = url.into_connection_info()?;
    let mut config = AsyncConnectionConfig::new();
    if cached {
        // Invalidations need the newer protocol.
        let protocol = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        info = info.set_redis_settings(protocol);
        config = config.set_cache_config(CacheConfig::new());
    }
    Client::open(info)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}
