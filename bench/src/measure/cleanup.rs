//! Requests while a store deletes many expired sessions.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures_util::future::try_join;

use super::{float, server::Server, store::Store};
use crate::{
    cli::Effort,
    load::{BEGIN, Crowd, Visitor, until},
    results::{About, Cleanup, Cleanups},
    subject::{Kind, Subject},
};

const SUBJECTS: &[Subject] = &[Subject::Sqlite, Subject::Postgres, Subject::MariaDb];

const VISITORS: usize = 16;

/// The seconds of requests before the measurement.
const WARM_UP: f64 = 0.5;

/// Far above the duration of a clean-up.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// The interval between checks whether the clean-up is done.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Cleanups> {
    let about = About::now(None)?;
    let mut cleanups = Vec::new();
    for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
        let cleanup = clean_up(subject, effort).await?;
        println!(
            "  {:45}{} deleted in {:.1} s, slowest requests {:.2} times as slow",
            subject.label(),
            cleanup.expired,
            cleanup.seconds,
            cleanup.slowdown()
        );
        cleanups.push(cleanup);
    }
    Ok(Cleanups { about, cleanups })
}

async fn clean_up(subject: Subject, effort: &Effort) -> anyhow::Result<Cleanup> {
    let expired = effort.scaled(1_000_000, 20_000);
    let store = Store::start(subject)?;
    let server = Server::start(subject, &store, &[])?;
    let mut crowd = Crowd::arrive(server.port, VISITORS).await?;
    crowd.begin(BEGIN).await?;
    let mut table = store.table().await?;
    table.add_expired(expired).await?;
    crowd.send(Kind::Change, until(WARM_UP)).await?;
    // The slowest of a hundred requests can be measured only with many requests.
    let seconds = float(effort.scaled(4, 1));
    let before = crowd.send(Kind::Change, until(seconds)).await?;

    let mut janitor = Visitor::arrive(server.port).await?;
    let (done, begun) = (Cell::new(false), Instant::now());
    janitor.call("/cleanup").await?;
    let (during, ()) = try_join(crowd.send(Kind::Change, || !done.get()), async {
        while table.has_more_than(VISITORS).await? {
            ensure!(begun.elapsed() < LIMIT, "the clean-up does not end");
            tokio::time::sleep(PAUSE).await;
        }
        done.set(true);
        anyhow::Ok(())
    })
    .await?;
    Ok(Cleanup {
        subject,
        expired,
        seconds: begun.elapsed().as_secs_f64(),
        refused_before: before.refused,
        refused_during: during.refused,
        p99_us_before: before.timing.quantile(0.99),
        p99_us_during: during.timing.quantile(0.99),
    })
}
