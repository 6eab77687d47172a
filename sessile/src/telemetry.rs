//! Logs and counters: one function for each event, so that both stay consistent and neither contains a secret.
//!
//! Counters go through the `metrics` facade, with the feature of that name.

use std::error::Error;

macro_rules! count {
    ($name:literal) => {
        #[cfg(feature = "metrics")]
        metrics::counter!($name).increment(1);
    };
}

/// A cookie failed verification.
pub(crate) fn cookie_rejected(reason: &'static str) {
    tracing::debug!(reason, "session cookie ignored");
    count!("sessile_cookies_rejected_total");
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
    count!("sessile_csrf_refused_total");
}

/// The guard against cross-site request forgery has no session to check tokens with.
#[cfg(feature = "actix")]
pub(crate) fn csrf_guard_without_session() {
    tracing::error!(
        "CsrfGuard is not inside of a session middleware: it refuses every request with an unsafe method"
    );
}

/// The cookies name several live sessions, and the request is served without any of them.
pub(crate) fn cookies_ambiguous() {
    tracing::warn!(
        "a request has cookies of several live sessions: it is served without a session"
    );
    count!("sessile_cookies_ambiguous_total");
}

/// A verified cookie names no live session.
pub(crate) fn session_not_found(reason: &'static str) {
    tracing::debug!(reason, "session not found");
    count!("sessile_sessions_not_found_total");
}

/// Another request ended or renewed a session while this one changed it; its changes are dropped.
pub(crate) fn changes_dropped() {
    tracing::info!(
        "another request ended or renewed a session: the changes of this one are dropped"
    );
    count!("sessile_changes_dropped_total");
}

/// Another request changed the session first, so the changes are merged.
pub(crate) fn conflict() {
    tracing::trace!("a session was changed by two requests at once: merging");
    count!("sessile_conflicts_total");
}

/// A session was read from the near cache.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn near_cache_hit() {
    count!("sessile_near_cache_hits_total");
}

/// A session was not in the near cache, or was there and could not be used.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn near_cache_miss() {
    count!("sessile_near_cache_misses_total");
}

/// Redis announced the change of a session.
#[cfg(feature = "redis-rs-session")]
pub(crate) fn near_cache_invalidated() {
    count!("sessile_near_cache_invalidations_total");
}

/// A stored record can't be decoded.
pub(crate) fn record_corrupt(error: &(dyn Error + 'static)) {
    let error = with_causes(error);
    tracing::error!(
        error,
        "a stored session can't be decoded: served as no session"
    );
    count!("sessile_records_corrupt_total");
}

/// The session of a request could not be opened or committed.
pub(crate) fn request_failed(step: &'static str, error: &(dyn Error + 'static)) {
    let error = with_causes(error);
    tracing::error!(step, error, "a request failed for its session");
    count!("sessile_failures_total");
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
mod tests {
    use std::{collections::HashMap, io};

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[test]
    fn everything_is_counted_under_a_name_of_its_own() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || {
            let error = io::Error::other("an error");
            cookie_rejected("a test");
            cookies_ambiguous();
            session_not_found("a test");
            changes_dropped();
            conflict();
            record_corrupt(&error);
            #[cfg(feature = "redis-rs-session")]
            {
                near_cache_hit();
                near_cache_miss();
                near_cache_invalidated();
            }
            request_failed("open", &error);
            request_failed("commit", &error);
        });
        let counts: HashMap<String, DebugValue> = snapshotter
            .snapshot()
            .into_vec()
            .into_iter()
            .map(|(key, _, _, value)| (key.key().name().to_owned(), value))
            .collect();
        let near_cache = if cfg!(feature = "redis-rs-session") {
            3
        } else {
            0
        };
        assert_eq!(counts.len(), 7 + near_cache);
        assert_eq!(counts["sessile_failures_total"], DebugValue::Counter(2));
        let once = counts.values().filter(|v| **v == DebugValue::Counter(1));
        assert_eq!(once.count(), 6 + near_cache);
    }
}
