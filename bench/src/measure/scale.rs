//! How the cost of a request grows with the number of sessions.

use std::fs;

use tempfile::TempDir;

use super::{
    gauge::{self, float, requests_in},
    server::Server,
    store::Store,
};
use crate::{
    cli::Effort,
    load::{Crowd, times, until},
    results::{About, Scale, Scales},
    subject::{Kind, Subject},
};

const SUBJECTS: &[Subject] = &[Subject::Memory, Subject::Sqlite, Subject::Redis];

const VISITORS: usize = 16;

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Scales> {
    let about = About::now(effort)?;
    let numbers = [
        1_000,
        effort.scaled(100_000, 10_000),
        effort.scaled(1_000_000, 50_000),
    ];
    let mut stands = Vec::new();
    for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
        for sessions in numbers {
            println!("storing {sessions} sessions: {}", subject.label());
            stands.push(Stand::set_up(subject, sessions, effort).await?);
        }
    }
    for round in 1..=effort.rounds() {
        println!("round {round} of {}", effort.rounds());
        for stand in &mut stands {
            stand.round().await?;
        }
    }
    let scales = stands.into_iter().map(|stand| stand.scale).collect();
    Ok(Scales { about, scales })
}

/// A subject with so many sessions.
struct Stand {
    crowd: Crowd,
    server: Server,
    _store: Store,
    /// What leads to some of the sessions.
    cookies: Vec<String>,
    requests: Vec<(Kind, u64)>,
    scale: Scale,
}

impl Stand {
    async fn set_up(subject: Subject, sessions: u64, effort: &Effort) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("sessile-bench-")?;
        let file = folder.path().join("cookies");
        let store = Store::start(subject)?;
        let empty = store.bytes(&Server::start(subject, &store, &[])?).await?;
        let arguments = [
            format!("--prefill={sessions}"),
            format!("--cookies={}", file.display()),
        ];
        let server = Server::start(subject, &store, &arguments)?;
        let full = store.bytes(&server).await?;

        let cookies: Vec<_> = fs::read_to_string(file)?
            .lines()
            .map(str::to_owned)
            .collect();
        let mut crowd = Crowd::arrive(server.port, VISITORS).await?;
        let mut requests = Vec::new();
        for kind in [Kind::Read, Kind::Change] {
            let warm_up = until(effort.seconds() / 4.0);
            let sample = crowd.send_among(&cookies, kind, warm_up).await?;
            requests.push((kind, requests_in(effort.seconds(), &sample)));
        }
        Ok(Self {
            crowd,
            server,
            _store: store,
            cookies,
            requests,
            scale: Scale {
                subject,
                sessions,
                reads: Vec::new(),
                changes: Vec::new(),
                bytes_per_session: float(full.saturating_sub(empty)) / float(sessions),
            },
        })
    }

    async fn round(&mut self) -> anyhow::Result<()> {
        let Scale {
            subject, sessions, ..
        } = self.scale;
        print!("  {:25}{sessions:>10}  ", subject.label());
        for &(kind, requests) in &self.requests {
            let visit = self.crowd.send_among(&self.cookies, kind, times(requests));
            let round = gauge::round(&self.server, visit).await?;
            print!("{} {:.1} µs  ", kind.label(), round.processor_us);
            self.scale.rounds(kind).push(round);
        }
        println!();
        Ok(())
    }
}
