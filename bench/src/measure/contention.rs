//! Many writers of one session: what is kept, and at what speed.

use super::{server::Server, store::Store};
use crate::{
    cli::Effort,
    load::{Crowd, until},
    results::{About, Contention, Contentions},
    subject::{Kind, Library, Subject},
};

const SUBJECTS: &[Subject] = &[
    Subject::Memory,
    Subject::Sqlite,
    Subject::Postgres,
    Subject::MariaDb,
    Subject::Redis,
    Subject::ActixRedis,
    Subject::TowerRedis,
];

const WRITERS: &[usize] = &[1, 10, 100];

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Contentions> {
    let about = About::now(effort)?;
    let mut contentions = Vec::new();
    for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
        for &writers in WRITERS {
            let contention = contend(subject, writers, effort).await?;
            println!(
                "  {:45}{writers:>4} writers: {} of {} kept",
                subject.label(),
                contention.survived,
                contention.acknowledged
            );
            contentions.push(contention);
        }
    }
    Ok(Contentions { about, contentions })
}

async fn contend(subject: Subject, writers: usize, effort: &Effort) -> anyhow::Result<Contention> {
    let ours = subject.library() == Library::Sessile;
    let arguments = if ours {
        vec!["--counted".to_owned()]
    } else {
        Vec::new()
    };
    let store = Store::start(subject)?;
    let server = Server::start(subject, &store, &arguments)?;

    let mut host = Crowd::arrive(server.port, 1).await?;
    let host = host.first();
    host.begin().await?;
    let cookie = host.cookie().unwrap_or_default().to_owned();

    let mut crowd = Crowd::arrive(server.port, writers).await?;
    crowd.share(&cookie);
    let visit = crowd
        .try_to_send(Kind::Change, until(effort.seconds()))
        .await?;

    host.take_over(&cookie);
    let survived = host.send(Kind::Read).await?;
    let conflicts = if ours {
        Some(host.call("/conflicts").await?)
    } else {
        None
    };
    Ok(Contention {
        subject,
        writers,
        acknowledged: visit.timing.requests(),
        refused: visit.refused,
        survived,
        conflicts,
        throughput: visit.throughput(),
        p99_us: visit.timing.quantile(0.99),
    })
}
