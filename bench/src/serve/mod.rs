//! The servers. Each is a process with one worker on one core.

mod actix;
mod axum;
mod bare;
mod cleanup;
mod counted;
mod peers;
mod prefill;
mod redis_floor;
mod sessile;

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use actix_web::{cookie::Key, rt::System};

use crate::{cli::Serve, measure::cores, subject::Subject};

/// The output of a server that listens, before its port.
pub(crate) const LISTENING: &str = "listening on port ";

/// How long a server waits for a request, which may be the first on its connection. A visitor sends one after
/// all other subjects were measured, which is later than Actix Web waits by default.
const WAITING: Duration = Duration::from_secs(60 * 60);

/// Serves until it is killed.
pub(crate) fn run(options: &Serve) -> anyhow::Result<()> {
    cores::pin_server()?;
    let store = &options.store;
    match options.subject {
        Subject::BareAxum => axum::bare(),
        Subject::TowerMemory => axum::tower_memory(),
        Subject::TowerRedis => axum::tower_redis(store),
        on_actix => System::new().block_on(async {
            match on_actix {
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
                Subject::RedisFloor => redis_floor::serve(store, false).await,
                Subject::RedisCached => redis_floor::serve(store, true).await,
                Subject::BareAxum | Subject::TowerMemory | Subject::TowerRedis => {
                    unreachable!("served above")
                }
            }
        }),
    }
}

/// A free port. It is known before the server listens: earlier connections wait in the queue.
fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    Ok(listener)
}

/// The sealing key: the same for every server, since nothing here is secret.
fn key() -> Key {
    Key::from(&[7; 64])
}

/// The values of a new session beside its counter, as in a typical application.
const CONTENT: &[(&str, &str)] = &[
    ("user", "ferris"),
    ("language", "en-GB"),
    ("token", "q0Z4mXb2nUe8rTtW6yLp1sVdKc9gHfJa3iBoNxQwEzR"),
];

/// The name of the counter.
const COUNT: &str = "count";
