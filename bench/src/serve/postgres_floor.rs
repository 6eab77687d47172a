//! Actix Web and the statements of a session, with no session layer: a `SELECT` for a read, a `SELECT` and an `UPDATE` for
//! a change. Sessions in PostgreSQL can't cost less with this driver.

use actix_web::{
    App, HttpServer, Result,
    error::ErrorInternalServerError,
    rt,
    web::{self, Data},
};
use tokio_postgres::{Client, NoTls, Statement, types::ToSql};

use super::stored_value;

const KEY: &[u8] = b"0123456789abcdef";

/// The connections of a worker, and their prepared statements. A commit that waits delays no read.
struct Connections {
    reads: Client,
    select: Statement,
    writes: Client,
    update: Statement,
}

pub(super) async fn serve(url: &str) -> anyhow::Result<()> {
    create_table(url).await?;
    let url = url.to_owned();
    let server = HttpServer::new(move || {
        let url = url.clone();
        App::new()
            // Each worker connects, so that the replies arrive on the thread that waits for them.
            .data_factory(move || {
                let url = url.clone();
                async move { Connections::open(&url).await }
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

async fn read(connections: Data<Connections>) -> Result<String> {
    connections.select().await?;
    Ok("0".to_owned())
}

async fn change(connections: Data<Connections>) -> Result<String> {
    let (version, record) = connections.select().await?;
    connections.update(version, &record).await?;
    Ok("0".to_owned())
}

impl Connections {
    async fn open(url: &str) -> Result<Self, tokio_postgres::Error> {
        let (reads, writes) = (connect(url).await?, connect(url).await?);
        let select = reads.prepare("SELECT version, record FROM floor WHERE id = $1");
        let update = writes.prepare("UPDATE floor SET version = $2, record = $3 WHERE id = $1");
        Ok(Self {
            select: select.await?,
            update: update.await?,
            reads,
            writes,
        })
    }

    async fn select(&self) -> Result<(i64, String)> {
        let row = self.reads.query_one(&self.select, &[&KEY]).await;
        let row = row.map_err(ErrorInternalServerError)?;
        Ok((row.get(0), row.get(1)))
    }

    async fn update(&self, version: i64, record: &str) -> Result<()> {
        let next = version.wrapping_add(1);
        let values: [&(dyn ToSql + Sync); 3] = [&KEY, &next, &record];
        let updated = self.writes.execute(&self.update, &values).await;
        match updated.map_err(ErrorInternalServerError)? {
            1 => Ok(()),
            _ => Err(ErrorInternalServerError("nothing was updated")),
        }
    }
}

async fn create_table(url: &str) -> Result<(), tokio_postgres::Error> {
    let client = connect(url).await?;
    client
        .batch_execute("CREATE TABLE floor (id bytea PRIMARY KEY, version bigint, record text)")
        .await?;
    let insert = "INSERT INTO floor VALUES ($1, 0, $2)";
    client.execute(insert, &[&KEY, &stored_value()]).await?;
    Ok(())
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // An error reaches the requests as well.
    rt::spawn(connection);
    Ok(client)
}
