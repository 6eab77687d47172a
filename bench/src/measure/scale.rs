//! How the cost of a request grows with the number of sessions.

use std::fs;

use anyhow::Context as _;
use tempfile::TempDir;

use super::{float, paired, server::Server, stand::Stand, store::Store};
use crate::{
    cli::Effort,
    results::{About, Scale, Scales},
    subject::{Kind, Subject},
};

const SUBJECTS: &[Subject] = &[Subject::Memory, Subject::Sqlite, Subject::Redis];

/// Few visitors, so that two of them hardly ever write the same one of the thousand sessions at once.
const VISITORS: usize = 16;

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Scales> {
    let schedule = effort.short_slices();
    let about = About::now(Some(schedule))?;
    let numbers = [
        1_000,
        effort.scaled(100_000, 10_000),
        effort.scaled(1_000_000, 50_000),
    ];
    let (mut stands, mut filled) = (Vec::new(), Vec::new());
    for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
        for sessions in numbers {
            println!("  storing {sessions} sessions: {}", subject.label());
            let (stand, bytes_per_session) = fill(subject, sessions).await?;
            stands.push(stand);
            filled.push((sessions, bytes_per_session));
        }
    }
    paired::measure(&mut stands, &[Kind::Read, Kind::Change], schedule).await?;
    let scale = |(stand, (sessions, bytes_per_session)): (Stand, _)| {
        let mut rounds = stand.rounds;
        anyhow::Ok(Scale {
            subject: stand.subject,
            sessions,
            reads: rounds.remove(&Kind::Read).context("no reads")?,
            changes: rounds.remove(&Kind::Change).context("no changes")?,
            bytes_per_session,
        })
    };
    let scales = stands.into_iter().zip(filled).map(scale);
    Ok(Scales {
        about,
        scales: scales.collect::<Result<_, _>>()?,
    })
}

/// A subject with this many sessions, and the bytes that each of them takes.
async fn fill(subject: Subject, sessions: u64) -> anyhow::Result<(Stand, f64)> {
    let folder = TempDir::with_prefix("sessile-bench-")?;
    let file = folder.path().join("cookies");
    let store = Store::start(subject)?;
    let empty = store.bytes(&Server::start(subject, &store, &[])?).await?;
    let prefill = format!("--prefill={sessions}");
    let cookies = format!("--cookies={}", file.display());
    let server = Server::start(subject, &store, &[&prefill, &cookies])?;
    let full = store.bytes(&server).await?;

    let mut stand = Stand::new(subject, store, server, VISITORS).await?;
    let cookies = fs::read_to_string(file)?;
    let cookies = cookies.lines().map(str::to_owned).collect();
    stand.crowd.draw_from(cookies);
    Ok((stand, float(full.saturating_sub(empty)) / float(sessions)))
}
