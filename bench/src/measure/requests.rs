//! The cost of a request, for each subject and each kind of request.

use std::collections::BTreeMap;

use anyhow::Context as _;

use super::{
    gauge::{self, float, requests_in},
    server::Server,
    store::Store,
};
use crate::{
    cli::Effort,
    load::{Crowd, times, until},
    results::{About, Cost, Requests, Round, Size},
    subject::{Keeper, Kind, Subject},
};

/// How many connections ask at once: enough that the server is busy, which is when its processor time matters.
const VISITORS: usize = 64;

/// How many requests, one after the other, the round trips are counted over.
const COUNTED: u64 = 100;

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Requests> {
    let mut about = About::now(effort)?;
    let mut stands = Vec::new();
    for &subject in Subject::all().iter().filter(|&&it| effort.wants(it)) {
        let stand = Stand::set_up(subject, effort).await?;
        about.versions.extend(stand.store.version().await?);
        stands.push(stand);
    }
    // Subject by subject within a round, so that what else the machine does meets all of them.
    for round in 1..=effort.rounds() {
        println!("round {round} of {}", effort.rounds());
        for stand in &mut stands {
            stand.round().await.with_context(|| stand.subject.label())?;
        }
    }
    let (mut costs, mut sizes) = (Vec::new(), Vec::new());
    for mut stand in stands {
        costs.extend(stand.costs().await?);
        sizes.extend(stand.size(effort).await?);
    }
    Ok(Requests {
        about,
        costs,
        sizes,
    })
}

/// A subject that is ready to be measured.
struct Stand {
    subject: Subject,
    crowd: Crowd,
    // Before its store, so that it ends first.
    server: Server,
    store: Store,
    /// How many requests make a round.
    requests: BTreeMap<Kind, u64>,
    rounds: BTreeMap<Kind, Vec<Round>>,
}

impl Stand {
    /// Starts the subject, and asks until it is warm.
    async fn set_up(subject: Subject, effort: &Effort) -> anyhow::Result<Self> {
        let store = Store::start(subject)?;
        let server = Server::start(subject, &store, &[])?;
        let mut crowd = Crowd::arrive(server.port, VISITORS).await?;
        if subject.has_sessions() {
            crowd.begin().await?;
        }
        let mut requests = BTreeMap::new();
        for &kind in Kind::all().iter().filter(|kind| kind.suits(subject)) {
            let sample = crowd.send(kind, until(effort.seconds() / 10.0)).await?;
            requests.insert(kind, requests_in(effort.seconds(), &sample));
        }
        Ok(Self {
            subject,
            crowd,
            server,
            store,
            requests,
            rounds: BTreeMap::new(),
        })
    }

    async fn round(&mut self) -> anyhow::Result<()> {
        print!("  {:45}", self.subject.label());
        for (&kind, &requests) in &self.requests {
            let visit = self.crowd.send(kind, times(requests));
            let round = gauge::round(&self.server, visit).await?;
            print!("{} {:.1} µs  ", kind.label(), round.processor_us);
            self.rounds.entry(kind).or_default().push(round);
        }
        println!();
        Ok(())
    }

    async fn costs(&mut self) -> anyhow::Result<Vec<Cost>> {
        let mut costs = Vec::new();
        for (kind, rounds) in std::mem::take(&mut self.rounds) {
            costs.push(Cost {
                subject: self.subject,
                kind,
                rounds,
                round_trips: self.round_trips(kind).await?,
            });
        }
        Ok(costs)
    }

    /// How often the server waits for its store in one request.
    async fn round_trips(&mut self, kind: Kind) -> anyhow::Result<Option<f64>> {
        self.store.start_counting()?;
        let (Some(first), Some(before)) = (self.store.round_trips()?, self.store.round_trips()?)
        else {
            // What is kept in the process or in the browser takes none; what files take is no such thing.
            return Ok((self.subject.keeper() != Keeper::Sqlite).then_some(0.0));
        };
        for _ in 0..COUNTED {
            self.crowd.first().send(kind).await?;
        }
        let after = self.store.round_trips()?.unwrap_or(before);
        // Asking is read as well.
        let asking = before - first;
        Ok(Some(
            float((after - before).saturating_sub(asking)) / float(COUNTED),
        ))
    }

    /// What a session takes.
    async fn size(&mut self, effort: &Effort) -> anyhow::Result<Option<Size>> {
        if !self.subject.has_sessions() {
            return Ok(None);
        }
        let sessions = effort.scaled(50_000, 2_000);
        let before = self.store.bytes(&self.server).await?;
        self.crowd.send(Kind::Create, times(sessions)).await?;
        let after = self.store.bytes(&self.server).await?;
        let stored = float(after.saturating_sub(before)) / float(sessions);
        Ok(Some(Size {
            subject: self.subject,
            stored_bytes: if self.subject.keeper() == Keeper::Cookie {
                0.0
            } else {
                stored
            },
            cookie_bytes: self.crowd.first().cookie().map_or(0, str::len),
        }))
    }
}
