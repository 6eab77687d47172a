//! Tests of the site on every store that an address can name.

use reqwest::Client;
use sessile::storage::AnySessionStore;
use sessile_rig::{mariadb::MariaDb, postgres::Postgres, redis::Redis};

use crate::site::{Site, program};

/// Visits the site, signs in, restarts the site, and signs out.
async fn works_on(address: &str, survives_a_restart: bool) {
    let mut site = Site::start_on(address);
    let client = Client::builder().cookie_store(true).build().unwrap();
    for visits in 1..=2 {
        let page = page(&client, &site).await;
        assert!(page.contains(&format!("id=\"visits\">{visits}<")), "{page}");
    }
    let form = [("name", "ferris"), ("password", "crab")];
    let signed_in = client.post(site.at("/sign-in")).form(&form).send().await;
    let signed_in = signed_in.unwrap().text().await.unwrap();
    assert!(signed_in.contains("id=\"user\">ferris<"), "{signed_in}");

    site.kill();
    site.restart();
    // Cookies belong to a host, regardless of its port.
    let again = page(&client, &site).await;
    assert_eq!(
        again.contains("id=\"user\">ferris<"),
        survives_a_restart,
        "{again}"
    );

    let signed_out = client.post(site.at("/sign-out")).send().await.unwrap();
    assert!(signed_out.status().is_success());
    let page = page(&client, &site).await;
    assert!(page.contains("id=\"visits\">1<"), "{page}");
    assert!(!site.output().contains("ERROR"), "{}", site.output());
}

async fn page(client: &Client, site: &Site) -> String {
    let response = client.get(site.at("/")).send().await.unwrap();
    response.text().await.unwrap()
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
