//! Logs and metrics: one function for each event, so that both stay consistent and neither contains a secret.
//!
//! Metrics go through the `metrics` facade, with the feature of that name.

mod labels;
mod metric;
mod metrics;
#[cfg(feature = "metrics")]
mod size;
#[cfg(any(feature = "_shared-connection", feature = "mysql-session"))]
mod wait;

use std::{error::Error, time::Duration};

use tokio::time::Instant;

pub use self::labels::Operation;
pub(crate) use self::labels::*;
#[cfg(any(feature = "_shared-connection", feature = "mysql-session"))]
pub(crate) use self::wait::waiting;
#[cfg(feature = "metrics")]
pub(crate) use self::{metrics::describe, size::Size};
use crate::storage::Refusal;

/// A cookie failed verification.
pub(crate) fn cookie_rejected(reason: RejectReason) {
    tracing::debug!(?reason, "session cookie ignored");
    metrics::COOKIES_REJECTED.increment(reason);
}

/// A response sets or removes the session's cookie.
pub(crate) fn cookie_sent(cause: CookieCause) {
    metrics::COOKIES_SENT.increment(cause);
}

/// The setting for development is on.
pub(crate) fn plain_http_allowed() {
    tracing::warn!(
        "session cookies are sent over plain HTTP: allow_plain_http is for development only"
    );
}

/// A key ring has lost all of its former keys.
pub(crate) fn all_keys_replaced() {
    tracing::warn!(
        "all keys of a key ring were replaced: the cookies that they sealed are no longer accepted"
    );
}

/// The guard refused a request as cross-site request forgery.
#[cfg(feature = "actix")]
pub(crate) fn csrf_refused(reason: &(dyn Error + 'static)) {
    tracing::info!(
        reason,
        "a request was refused as cross-site request forgery"
    );
    metrics::CSRF_REFUSED.increment(());
}

/// The guard against cross-site request forgery has no session to check tokens with.
#[cfg(feature = "actix")]
pub(crate) fn csrf_guard_without_session() {
    tracing::error!(
        "CsrfGuard is not inside of a session middleware: it refuses every request with an unsafe method"
    );
}

/// The cookies name several live sessions, and the request is served without any of them. Any client can send such
/// requests, so only the first one is a warning.
pub(crate) fn cookies_ambiguous(is_first: bool) {
    const MESSAGE: &str =
        "a request has cookies of several live sessions: it is served without a session";
    match is_first {
        true => tracing::warn!("{MESSAGE}; later requests are logged at the level debug"),
        false => tracing::debug!("{MESSAGE}"),
    }
    metrics::COOKIES_AMBIGUOUS.increment(());
}

/// A verified cookie names no live session.
pub(crate) fn session_not_found(reason: NotFoundReason) {
    tracing::debug!(?reason, "session not found");
    metrics::SESSIONS_NOT_FOUND.increment(reason);
}

/// Another request ended or renewed a session while this one changed it; its changes are dropped.
pub(crate) fn changes_dropped(reason: DropReason) {
    tracing::info!(
        ?reason,
        "another request ended or renewed a session: the changes of this one are dropped"
    );
    metrics::CHANGES_DROPPED.increment(reason);
}

/// Another request changed the session first, so the changes are merged.
pub(crate) fn conflict() {
    tracing::trace!("two requests changed a session at once: their changes are merged");
    metrics::CONFLICTS.increment(());
}

/// One combined update stored the changes of this many requests.
pub(crate) fn writes_combined(requests: usize) {
    metrics::COMBINED_WRITES.record((), requests as f64);
}

/// The store refused a sign-in.
pub(crate) fn sign_in_refused(refusal: Refusal) {
    metrics::SIGN_INS_REFUSED.increment(match refusal {
        Refusal::SubjectEnded => SignInRefusal::SubjectEnded,
        Refusal::LimitReached => SignInRefusal::LimitReached,
    });
}

/// All sessions of a user, or all sessions, were ended.
pub(crate) fn sessions_ended(scope: MarkScope) {
    metrics::MARKS.increment(scope);
}

/// A session was read from the near cache.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn near_cache_hit() {
    metrics::NEAR_CACHE_HITS.increment(());
}

/// A session was not in the near cache, or its entry could not be used.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn near_cache_miss() {
    metrics::NEAR_CACHE_MISSES.increment(());
}

/// Redis announced the change of a session.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn near_cache_invalidated() {
    metrics::NEAR_CACHE_INVALIDATIONS.increment(());
}

/// A node of a cluster redirected a request.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn redirected(kind: Redirect) {
    metrics::REDIRECTS.increment(kind);
}

/// An attempt to connect has ended.
#[cfg(any(feature = "_shared-connection", feature = "mysql-session"))]
pub(crate) fn connected(backend: Backend, is_connected: bool) {
    let outcome = match is_connected {
        true => ConnectOutcome::Connected,
        false => ConnectOutcome::Failed,
    };
    metrics::CONNECTS.increment((backend, outcome));
}

/// Rows of expired sessions were deleted.
#[cfg(feature = "_sql")]
pub(crate) fn rows_cleaned(backend: Backend, rows: u64) {
    metrics::CLEANED_ROWS.add(backend, rows);
}

/// Whether values are recorded. If the application has installed no recorder, the default one has no state.
#[cfg(feature = "metrics")]
#[inline]
pub(crate) fn is_recording() -> bool {
    ::metrics::with_recorder(|recorder| size_of_val(recorder) > 0)
}

/// An operation of the store has ended.
#[inline]
pub(crate) fn store_operation(operation: Operation, outcome: Outcome, begun: Instant) {
    if cfg!(feature = "metrics") {
        let seconds = begun.elapsed().as_secs_f64();
        metrics::STORE_OPERATIONS.record((operation, outcome), seconds);
    }
}

/// Operations of the store that read, or that write, begin to fail.
pub(crate) fn outage_began(access: &'static str, error: &(dyn Error + 'static)) {
    let error = with_causes(error);
    tracing::error!(
        access,
        error,
        "the session store fails: until it works again, failures are counted and not logged"
    );
}

/// They work again.
pub(crate) fn outage_ended(access: &'static str, lasted: Duration, failed: u64) {
    let seconds = lasted.as_secs_f64();
    tracing::info!(access, seconds, failed, "the session store works again");
}

/// A stored record can't be decoded.
pub(crate) fn record_corrupt(error: &(dyn Error + 'static)) {
    let error = with_causes(error);
    tracing::error!(
        error,
        "a stored session can't be decoded: the request is served without it"
    );
    metrics::RECORDS_CORRUPT.increment(());
}

/// A list omits a session whose record can't be decoded.
#[cfg(any(feature = "_sql", feature = "redis-rs-session"))]
pub(crate) fn record_omitted(error: &(dyn Error + 'static)) {
    let error = with_causes(error);
    tracing::warn!(
        error,
        "a stored session can't be decoded: a list of sessions omits it"
    );
}

/// A step of a request failed because of its session. During an outage, which was logged, it is only counted.
pub(crate) fn request_failed(step: Step, error: &(dyn Error + 'static), is_outage: bool) {
    metrics::FAILURES.increment(step);
    if !is_outage {
        let error = with_causes(error);
        tracing::error!(
            ?step,
            error,
            "a step of a request failed because of its session"
        );
    }
}

/// An error with its causes, since not every log shows them.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(all(test, feature = "metrics"))]
mod tests;
