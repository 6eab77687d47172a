//! The cost of a session in the cookie, for states of different sizes.

use super::{paired, requests::VISITORS, server::Server, stand::Stand, store::Store};
use crate::{
    cli::Effort,
    load::BEGIN,
    results::{About, SizeCost, Sizes},
    subject::{Kind, Subject},
};

const SUBJECTS: &[Subject] = &[Subject::Cookie, Subject::ActixCookie];

/// The sizes of a state as JSON. The last one is close to the largest that Sessile accepts. That is
/// 2892 bytes, because the cookie has at most 4096 bytes with its name and attributes. A few bytes
/// are left for a longer counter. The limit of actix-session is higher than that of browsers.
const BYTES: &[usize] = &[16, 64, 256, 1024, 2048, 2880];

pub(super) async fn measure(effort: &Effort) -> anyhow::Result<Sizes> {
    let schedule = effort.short_slices();
    let about = About::now(Some(schedule))?;
    let (mut stands, mut sizes) = (Vec::new(), Vec::new());
    for &bytes in BYTES {
        for &subject in SUBJECTS.iter().filter(|&&it| effort.wants(it)) {
            let store = Store::start(subject)?;
            let server = Server::start(subject, &store, &[])?;
            let mut stand = Stand::new(subject, store, server, VISITORS).await?;
            stand.crowd.begin(&format!("{BEGIN}/{bytes}")).await?;
            stands.push(stand);
            sizes.push(bytes);
        }
    }
    paired::measure(&mut stands, &[Kind::Read, Kind::Change], schedule).await?;
    let mut costs = Vec::new();
    for (mut stand, bytes) in stands.into_iter().zip(sizes) {
        for (kind, rounds) in std::mem::take(&mut stand.rounds) {
            costs.push(SizeCost {
                subject: stand.subject,
                kind,
                bytes,
                cookie_bytes: stand.crowd.first().cookie().map_or(0, str::len),
                rounds,
            });
        }
    }
    Ok(Sizes { about, costs })
}
