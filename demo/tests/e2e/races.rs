//! Concurrent requests over HTTP, in both stores.

use std::collections::BTreeSet;

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{site::Site, visitor::visitor};

/// The outcome of the concurrent requests of a session.
#[derive(Deserialize)]
pub(crate) struct Race {
    pub(crate) count: u64,
    pub(crate) kept: BTreeSet<usize>,
    pub(crate) csrf_token: String,
}

impl Race {
    /// Loads it from `/merging` or `/overwriting`. Begins a session if there is none.
    pub(crate) async fn load(client: &Client, address: &str) -> reqwest::Result<Self> {
        client.get(address).send().await?.json().await
    }
}

/// Sends a request. A complete response acknowledges it and must be a success.
pub(crate) async fn post(client: &Client, address: &str, token: &str) -> reqwest::Result<()> {
    let request = client.post(address).header("X-CSRF-Token", token);
    let response = request.send().await?;
    let status = response.status();
    response.bytes().await?;
    assert!(status.is_success(), "{status}");
    Ok(())
}

/// Sends twenty requests at once, and returns the outcome.
async fn race(client: &Client, address: &str) -> Race {
    let token = Race::load(client, address).await.unwrap().csrf_token;
    post(client, address, &token).await.unwrap();
    let mut writers = JoinSet::new();
    for number in 0..20 {
        let (client, token) = (client.clone(), token.clone());
        let address = format!("{address}/{number}");
        writers.spawn(async move { post(&client, &address, &token).await.unwrap() });
    }
    writers.join_all().await;
    Race::load(client, address).await.unwrap()
}

#[tokio::test]
async fn the_store_decides_whether_writes_are_lost() {
    let site = Site::start();
    let client = visitor();
    for _ in 0..2 {
        let merging = race(&client, &site.at("/merging")).await;
        assert_eq!(merging.count, 20);
        assert_eq!(merging.kept, BTreeSet::from_iter(0..20));

        // Every request was acknowledged, and its write is lost unless a later one began after it.
        let overwriting = race(&client, &site.at("/overwriting")).await;
        assert!(
            (1..20).contains(&overwriting.count),
            "{}",
            overwriting.count
        );
        assert_eq!(overwriting.kept.len() as u64, overwriting.count);
    }
}

#[tokio::test]
async fn the_two_sessions_share_nothing() {
    let site = Site::start();
    let client = visitor();
    let merging = Race::load(&client, &site.at("/merging")).await.unwrap();
    let overwriting = Race::load(&client, &site.at("/overwriting")).await.unwrap();
    post(&client, &site.at("/merging/3"), &merging.csrf_token)
        .await
        .unwrap();
    let after = Race::load(&client, &site.at("/overwriting")).await.unwrap();
    assert_eq!((after.count, after.kept.len()), (0, 0));

    let crossed = client.post(site.at("/merging/3"));
    let crossed = crossed.header("X-CSRF-Token", overwriting.csrf_token);
    assert_eq!(
        crossed.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
}
