//! The cost of a request, for each subject and each kind of request.

use super::{float, paired, stand::Stand};
use crate::{
    cli::Effort,
    load::times,
    results::{About, Cost, Footprint, Requests},
    subject::{Keeper, Kind, Subject},
};

/// The number of connections: enough to keep the server busy, because its processor time matters then.
pub(super) const VISITORS: usize = 64;

/// The number of sequential requests for which the round trips are counted.
const COUNTED: u64 = 100;

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Requests> {
    let schedule = effort.short_slices();
    let mut about = About::now(Some(schedule))?;
    let mut stands = Vec::new();
    for &subject in Subject::all().iter().filter(|&&it| effort.wants(it)) {
        let stand = Stand::start(subject, VISITORS).await?;
        about.versions.extend(stand.store.version().await?);
        stands.push(stand);
    }
    paired::measure(&mut stands, Kind::all(), schedule).await?;
    let (mut costs, mut footprints) = (Vec::new(), Vec::new());
    for mut stand in stands {
        costs.extend(take_costs(&mut stand).await?);
        footprints.extend(footprint(&mut stand, effort).await?);
    }
    Ok(Requests {
        about,
        costs,
        footprints,
    })
}

async fn take_costs(stand: &mut Stand) -> anyhow::Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for (kind, rounds) in std::mem::take(&mut stand.rounds) {
        costs.push(Cost {
            subject: stand.subject,
            kind,
            rounds,
            round_trips: round_trips(stand, kind).await?,
        });
    }
    Ok(costs)
}

/// The number of round trips to the store in one request.
async fn round_trips(stand: &mut Stand, kind: Kind) -> anyhow::Result<Option<f64>> {
    let store = &stand.store;
    store.start_counting()?;
    let (Some(first), Some(before)) = (store.round_trips()?, store.round_trips()?) else {
        // A session in memory or in a cookie takes no round trips. SQLite has none to count.
        return Ok((stand.subject.keeper() != Keeper::Sqlite).then_some(0.0));
    };
    for _ in 0..COUNTED {
        stand.crowd.first().send(kind).await?;
    }
    let after = store.round_trips()?.unwrap_or(before);
    // The query itself is counted as well.
    let asking = before - first;
    Ok(Some(
        float((after - before).saturating_sub(asking)) / float(COUNTED),
    ))
}

/// The size of a session.
async fn footprint(stand: &mut Stand, effort: &Effort) -> anyhow::Result<Option<Footprint>> {
    if !stand.subject.has_sessions() {
        return Ok(None);
    }
    let sessions = effort.scaled(50_000, 2_000);
    let before = stand.store.bytes(&stand.server).await?;
    let visit = stand.crowd.send(Kind::Create, times(sessions)).await?;
    let after = stand.store.bytes(&stand.server).await?;
    let created = visit.timing.requests();
    let stored = float(after.saturating_sub(before)) / float(created);
    Ok(Some(Footprint {
        subject: stand.subject,
        stored_bytes: if stand.subject.keeper() == Keeper::Cookie {
            0.0
        } else {
            stored
        },
        cookie_bytes: stand.crowd.first().cookie().map_or(0, str::len),
    }))
}
