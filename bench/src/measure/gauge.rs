//! One round: what a crowd's requests cost the server.

use super::server::Server;
use crate::{load::Visit, results::Round};

/// Runs `visit`, and looks at the server's processor time before and after.
pub(super) async fn round(
    server: &Server,
    visit: impl Future<Output = anyhow::Result<Visit>>,
) -> anyhow::Result<Round> {
    let before = server.processor_time()?;
    let visit = visit.await?;
    let taken = server.processor_time()?.saturating_sub(before);
    let requests = visit.timing.requests();
    Ok(Round {
        requests,
        processor_us: taken.as_secs_f64() * 1e6 / float(requests),
        throughput: visit.throughput(),
        p50_us: visit.timing.quantile(0.5),
        p99_us: visit.timing.quantile(0.99),
        p999_us: visit.timing.quantile(0.999),
    })
}

#[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// A number of requests that take about this long, going by a short round.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and far below 2⁵²"
)]
pub(super) fn requests_in(seconds: f64, sample: &Visit) -> u64 {
    (sample.throughput() * seconds).max(1.0) as u64
}
