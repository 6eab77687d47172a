//! Requests of one session that run at once, from two servers of the application.

use crate::{
    conditions::ISOLATIONS,
    engine::Server,
    race_suite::Servers,
    sql::setup::{in_time, store},
};

const ROUNDS: usize = 20;

async fn race(settings: &[&str], rounds: usize) {
    let server = Server::start_with(settings).unwrap();
    let racing = [store(&server).await, store(&server).await];
    let servers = Servers::new(racing, store(&server).await);
    in_time(servers.race(rounds)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_race() {
    race(&[], ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_race_under_any_isolation() {
    for setting in ISOLATIONS {
        eprintln!("{setting}");
        race(&[setting], ROUNDS / 4).await;
    }
}
