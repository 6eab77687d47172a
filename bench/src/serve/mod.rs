//! The servers. Each is a process with one worker on one core.

mod actix;
mod bare;
mod cleanup;
mod counted;
mod peers;
mod postgres_floor;
mod prefill;
mod redis_floor;
mod sessile;
mod shared;

use std::time::Duration;

use actix_web::{cookie::Key, rt::System};
use anyhow::bail;

pub(crate) use self::shared::LISTENING;
use self::shared::{CONTENT, COUNT, listen};
use crate::{cli::Serve, measure::cores, subject::Subject};

/// How long a server waits for a request, which may be the first on its connection. A visitor sends one after
/// all other subjects were measured, which is later than Actix Web waits by default.
const WAITING: Duration = Duration::from_secs(60 * 60);

/// Serves until it is killed.
pub(crate) fn run(options: &Serve) -> anyhow::Result<()> {
    cores::pin(0)?;
    let store = &options.store;
    System::new().block_on(async {
        match options.subject {
            Subject::Bare => bare::serve().await,
            Subject::Memory => sessile::memory(options).await,
            Subject::Cookie => sessile::cookie(options).await,
            Subject::Sqlite => sessile::sqlite(options).await,
            Subject::Postgres => sessile::postgres(options).await,
            Subject::MariaDb => sessile::mariadb(options).await,
            // They differ in the settings of the middleware.
            Subject::Redis | Subject::RedisLazy => sessile::redis(options).await,
            Subject::RedisNear => sessile::redis_near(options).await,
            Subject::ActixCookie => peers::actix_cookie().await,
            Subject::ActixRedis => peers::actix_redis(store).await,
            Subject::PostgresFloor => postgres_floor::serve(store).await,
            Subject::RedisFloor => redis_floor::serve(store, false).await,
            Subject::RedisCached => redis_floor::serve(store, true).await,
            on_axum => bail!(
                "the program `{}` serves {}",
                on_axum.program(),
                on_axum.name()
            ),
        }
    })
}

/// A text that is about as long as a stored session.
fn stored_value() -> String {
    CONTENT
        .iter()
        .map(|(name, value)| format!("{name:>40}{value}"))
        .collect()
}

/// The sealing key: the same for every server, since nothing here is secret.
fn key() -> Key {
    Key::from(&[7; 64])
}
