//! Actix Web and one `GET` from Redis for each request, with no session layer: the least that
//! sessions in Redis can cost.

use actix_web::{
    App, HttpServer, Result,
    error::ErrorInternalServerError,
    web::{self, Data},
};
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion,
    RedisConnectionInfo, aio::MultiplexedConnection, caching::CacheConfig,
};

use super::CONTENT;

const NAME: &str = "session";

pub(super) async fn serve(url: &str, cached: bool) -> anyhow::Result<()> {
    let connection = connect(url, cached).await?;
    connection.clone().set::<_, _, ()>(NAME, value()).await?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(connection.clone()))
            .route("/read", web::get().to(read))
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
    let mut connection = MultiplexedConnection::clone(&connection);
    let value: Option<String> = connection
        .get(NAME)
        .await
        .map_err(ErrorInternalServerError)?;
    Ok(if value.is_some() {
        "0"
    } else {
        "nothing there"
    }
    .to_owned())
}

async fn connect(url: &str, cached: bool) -> redis::RedisResult<MultiplexedConnection> {
    let mut info = url.into_connection_info()?;
    let mut config = AsyncConnectionConfig::new();
    if cached {
        // What a server says of changed values comes by the newer protocol only.
        let protocol = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        info = info.set_redis_settings(protocol);
        config = config.set_cache_config(CacheConfig::new());
    }
    Client::open(info)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// About as long as what a session is stored as.
fn value() -> String {
    CONTENT
        .iter()
        .map(|(name, value)| format!("{name:>40}{value}"))
        .collect()
}
