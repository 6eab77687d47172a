//! Many writers of one session: which writes are kept, and how fast they are.

use anyhow::Context as _;

use super::{order, server::Server, store::Store};
use crate::{
    cli::{Effort, Schedule},
    load::{BEGIN, Crowd, Visitor, until},
    results::{About, Contention, Contentions, Counted, Writes},
    subject::{Kind, Library, Subject},
};

const SUBJECTS: &[Subject] = &[
    Subject::Memory,
    Subject::Sqlite,
    Subject::TowerSqlite,
    Subject::Postgres,
    Subject::TowerPostgres,
    Subject::MariaDb,
    Subject::TowerMariaDb,
    Subject::Redis,
    Subject::ActixRedis,
    Subject::TowerRedis,
];

const WRITERS: &[usize] = &[1, 10, 100];

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Contentions> {
    let schedule = effort.long_slices();
    let about = About::now(Some(schedule))?;
    let mut contenders = Vec::new();
    for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
        let store = Store::start(subject)?;
        let server = Server::start(subject, &store, arguments(subject))?;
        contenders.push(Contender::new(subject, store, server).await?);
    }
    Ok(Contentions {
        about,
        contentions: contend(contenders, schedule).await?,
    })
}

/// The arguments of a contender's server.
pub(super) fn arguments(subject: Subject) -> &'static [&'static str] {
    match subject.library() {
        Library::Sessile => &["--counted"],
        _ => &[],
    }
}

/// Goes over all contenders in rounds, with each number of writers.
pub(super) async fn contend(
    mut contenders: Vec<Contender>,
    schedule: Schedule,
) -> anyhow::Result<Vec<Contention>> {
    for contender in &mut contenders {
        contender.warm_up(schedule.seconds).await?;
    }
    for round in 1..=schedule.rounds {
        println!("  round {round} of {}", schedule.rounds);
        // Subjects that are compared are measured one after the other.
        for crowd in 0..WRITERS.len() {
            for index in order(round, contenders.len()) {
                contenders[index].round(crowd, schedule.seconds).await?;
            }
        }
    }
    let contentions = contenders.into_iter().flat_map(Contender::finish);
    Ok(contentions.collect())
}

/// A subject, with one crowd for each number of writers.
pub(super) struct Contender {
    subject: Subject,
    /// The visitor that begins the session of all writers, and reads it afterwards.
    host: Visitor,
    crowds: Vec<(Crowd, Vec<Writes>)>,
    // Before its store, so that it ends first.
    _server: Server,
    _store: Store,
}

impl Contender {
    pub(super) async fn new(
        subject: Subject,
        store: Store,
        server: Server,
    ) -> anyhow::Result<Self> {
        let mut crowds = Vec::new();
        for &writers in WRITERS {
            let crowd = Crowd::arrive(server.port, writers).await?;
            crowds.push((crowd, Vec::new()));
        }
        Ok(Self {
            subject,
            host: Visitor::arrive(server.port).await?,
            crowds,
            _server: server,
            _store: store,
        })
    }

    async fn warm_up(&mut self, seconds: f64) -> anyhow::Result<()> {
        for crowd in 0..self.crowds.len() {
            self.write(crowd, seconds).await?;
        }
        Ok(())
    }

    async fn round(&mut self, crowd: usize, seconds: f64) -> anyhow::Result<()> {
        let writes = self.write(crowd, seconds).await;
        let writes = writes.with_context(|| self.subject.label())?;
        self.crowds[crowd].1.push(writes);
        Ok(())
    }

    /// Lets one crowd write a new session for this long.
    async fn write(&mut self, crowd: usize, seconds: f64) -> anyhow::Result<Writes> {
        let (crowd, _) = &mut self.crowds[crowd];
        self.host.begin(BEGIN).await?;
        let cookie = self.host.cookie().unwrap_or_default().to_owned();
        crowd.share(&cookie);
        let before = counted(self.subject, &mut self.host).await?;
        let visit = crowd.send(Kind::Change, until(seconds)).await?;
        let after = counted(self.subject, &mut self.host).await?;
        self.host.take_over(&cookie);
        Ok(Writes {
            acknowledged: visit.timing.requests(),
            refused: visit.refused,
            survived: self.host.send(Kind::Read).await?,
            // The server never resets its counters.
            counted: before.zip(after).map(|(before, after)| Counted {
                updates: after.updates - before.updates,
                conflicts: after.conflicts - before.conflicts,
            }),
            throughput: visit.throughput(),
            p99_us: visit.timing.quantile(0.99),
        })
    }

    fn finish(self) -> impl Iterator<Item = Contention> {
        let crowds = WRITERS.iter().zip(self.crowds);
        crowds.map(move |(&writers, (_, rounds))| Contention {
            subject: self.subject,
            writers,
            rounds,
        })
    }
}

/// The counters of the server since its start, if it counts.
async fn counted(subject: Subject, host: &mut Visitor) -> anyhow::Result<Option<Counted>> {
    if subject.library() != Library::Sessile {
        return Ok(None);
    }
    Ok(Some(Counted {
        updates: host.call("/updates").await?,
        conflicts: host.call("/conflicts").await?,
    }))
}
