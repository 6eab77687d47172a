//! [`PostgresPool`]: a pool that the application made.

/// A pool of connections to PostgreSQL, of one of the libraries that are compiled in: `deadpool-postgres` with the
/// feature `postgres-pool`, `sqlx` with the feature `postgres-pool-sqlx`.
///
/// ```
/// use deadpool_postgres::{Config, Runtime, tokio_postgres::NoTls};
/// use sessile::storage::PostgresPool;
///
/// let mut config = Config::new();
/// config.url = Some("postgres://app:secret@localhost/app".to_owned());
/// let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
/// assert_eq!(format!("{:?}", PostgresPool::from(pool)), "PostgresPool");
/// # Ok::<(), deadpool_postgres::CreatePoolError>(())
/// ```
#[derive(Clone)]
pub struct PostgresPool(pub(super) Pool);

#[derive(Clone)]
pub(super) enum Pool {
    #[cfg(feature = "postgres-pool")]
    Deadpool(deadpool_postgres::Pool),
    #[cfg(feature = "postgres-pool-sqlx")]
    Sqlx(sqlx::PgPool),
}

#[cfg(feature = "postgres-pool")]
impl From<deadpool_postgres::Pool> for PostgresPool {
    fn from(pool: deadpool_postgres::Pool) -> Self {
        Self(Pool::Deadpool(pool))
    }
}

#[cfg(feature = "postgres-pool-sqlx")]
impl From<sqlx::PgPool> for PostgresPool {
    fn from(pool: sqlx::PgPool) -> Self {
        Self(Pool::Sqlx(pool))
    }
}

/// Without the settings of the pool.
impl std::fmt::Debug for PostgresPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresPool")
    }
}
