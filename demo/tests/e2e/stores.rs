//! Tests of the site on every store that an address can name.

use sessile::storage::AnySessionStore;
use sessile_rig::{mariadb::MariaDb, postgres::Postgres, redis::Redis};

use crate::{
    site::{Site, program},
    visitor::{send, sign_in, text, visitor},
};

/// Visits the site, signs in, restarts the site, and signs out.
async fn works_on(address: &str, survives_a_restart: bool) {
    let mut site = Site::start_on(address);
    let client = visitor();
    for visits in 1..=2 {
        let page = text(&client, &site, "/").await;
        assert!(page.contains(&format!("id=\"visits\">{visits}<")), "{page}");
    }
    sign_in(&client, &site, "ferris", "crab").await;
    let devices = text(&client, &site, "/devices").await;
    assert!(devices.contains("id=\"user\">ferris<"), "{devices}");

    site.kill();
    site.restart();
    // Cookies belong to a host, regardless of its port.
    let again = text(&client, &site, "/").await;
    assert_eq!(
        again.contains("id=\"user\">ferris<"),
        survives_a_restart,
        "{again}"
    );

    send(&client, &site, "/session", "/sign-out", &[]).await;
    let page = text(&client, &site, "/").await;
    assert!(page.contains("id=\"visits\">1<"), "{page}");
    assert!(!site.output().contains("ERROR"), "{}", site.output());
}

#[tokio::test]
async fn memory() {
    works_on("memory:", false).await;
}

#[tokio::test]
async fn cookie() {
    works_on("cookie:", true).await;
}

#[tokio::test]
async fn redis() {
    let redis = Redis::start().unwrap();
    works_on(&redis.url(), true).await;
}

#[tokio::test]
async fn postgres() {
    let postgres = Postgres::start().unwrap();
    works_on(&postgres.url(), true).await;
}

#[tokio::test]
async fn mariadb() {
    let mariadb = MariaDb::start().unwrap();
    works_on(&mariadb.url(), true).await;
}

/// The schema that the program prints for `database`.
fn schema(database: &str) -> String {
    let output = program().args(["schema", database]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_printed_schema_is_sufficient() {
    let postgres = Postgres::start().unwrap();
    let mariadb = MariaDb::start().unwrap();
    postgres.execute(&schema("postgres")).unwrap();
    postgres
        .execute("GRANT SELECT, INSERT, UPDATE, DELETE ON sessile_sessions, sessile_sessions_marks TO PUBLIC")
        .unwrap();
    mariadb.execute(&schema("mysql")).unwrap();
    for address in [postgres.url(), mariadb.url()] {
        // `connect` creates no tables.
        AnySessionStore::connect(address.as_str()).await.unwrap();
        works_on(&address, true).await;
    }
}
