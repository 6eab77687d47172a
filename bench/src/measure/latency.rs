//! Requests with a network between the server and its store.

use std::time::Duration;

use anyhow::Context as _;

use super::{
    contention::{self, Contender},
    order,
    requests::VISITORS,
    server::Server,
    stand::Stand,
    store::Store,
};
use crate::{
    cli::{Effort, Schedule},
    load::{BEGIN, until},
    results::{About, DistantRound, DistantVisits, Latencies},
    subject::{Kind, Subject},
};

/// The round trip time between the server and the store.
const ROUND_TRIP: Duration = Duration::from_millis(1);

const SUBJECTS: &[Subject] = &[
    Subject::Postgres,
    Subject::MariaDb,
    Subject::RedisNear,
    Subject::Redis,
    Subject::ActixRedis,
    Subject::TowerRedis,
];

const KINDS: &[Kind] = &[Kind::Read, Kind::Change];

/// Those with many writers of one session.
const CONTENDERS: &[Subject] = &[Subject::Redis, Subject::ActixRedis];

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Latencies> {
    let schedule = effort.long_slices();
    let about = About::now(Some(schedule))?;
    let mut visits = Vec::new();
    let mut stands = Vec::new();
    for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
        let store = Store::start(subject)?;
        let server = Server::start_distant(subject, &store, ROUND_TRIP, &[])?;
        let mut stand = Stand::new(subject, store, server, VISITORS).await?;
        stand.crowd.begin(BEGIN).await?;
        stands.push(stand);
        visits.extend(KINDS.iter().map(|&kind| DistantVisits {
            subject,
            kind,
            rounds: Vec::new(),
        }));
    }
    visit(&mut stands, &mut visits, schedule).await?;
    drop(stands);

    let mut contenders = Vec::new();
    for &subject in CONTENDERS.iter().filter(|&&it| effort.wants(it)) {
        let store = Store::start(subject)?;
        let arguments = contention::arguments(subject);
        let server = Server::start_distant(subject, &store, ROUND_TRIP, arguments)?;
        contenders.push(Contender::new(subject, store, server).await?);
    }
    Ok(Latencies {
        about,
        round_trip_us: ROUND_TRIP.as_secs_f64() * 1e6,
        visits,
        contentions: contention::contend(contenders, schedule).await?,
    })
}

async fn visit(
    stands: &mut [Stand],
    visits: &mut [DistantVisits],
    schedule: Schedule,
) -> anyhow::Result<()> {
    for stand in stands.iter_mut() {
        for &kind in KINDS {
            round(stand, kind, schedule.seconds).await?;
        }
    }
    for number in 1..=schedule.rounds {
        println!("  round {number} of {}", schedule.rounds);
        for index in order(number, visits.len()) {
            let DistantVisits {
                subject,
                kind,
                rounds,
            } = &mut visits[index];
            let stand = stands.iter_mut().find(|stand| stand.subject == *subject);
            let stand = stand.context("a subject that was not started")?;
            let round = round(stand, *kind, schedule.seconds).await;
            rounds.push(round.with_context(|| subject.label())?);
        }
    }
    Ok(())
}

/// Requests may be refused, because a store behind a network may not answer all of them in time.
async fn round(stand: &mut Stand, kind: Kind, seconds: f64) -> anyhow::Result<DistantRound> {
    let visit = stand.crowd.send(kind, until(seconds)).await?;
    Ok(DistantRound {
        refused: visit.refused,
        throughput: visit.throughput(),
        p50_us: visit.timing.quantile(0.5),
        p99_us: visit.timing.quantile(0.99),
    })
}
