//! The metrics, with their labels. The page [`guide::logs_and_metrics`](crate::guide::logs_and_metrics) has the same
//! table for users.

use super::{
    labels::{
        Backend, ConnectOutcome, CookieCause, DropReason, MarkScope, NotFoundReason, Operation,
        Outcome, Redirect, RejectReason, SignInRefusal, Step,
    },
    metric::{Counter, Gauge, Histogram},
};

/// Defines the metrics, and how they are described.
macro_rules! metrics {
    ($($Kind:ident $NAME:ident: $Labels:ty, $Unit:ident = $name:literal, $help:literal;)+) => {
        $(
            #[allow(dead_code, reason = "some belong to features that are not enabled")]
            pub(crate) static $NAME: $Kind<$Labels> = $Kind::new($name);
        )+

        /// Tells the recorder the unit and the meaning of each metric.
        #[cfg(feature = "metrics")]
        pub(crate) fn describe() {
            $($NAME.describe(::metrics::Unit::$Unit, $help);)+
        }

        /// Kind, name and names of the labels of each metric.
        #[cfg(all(test, feature = "metrics"))]
        pub(super) fn list() -> Vec<(&'static str, &'static str, Vec<String>)> {
            use super::metric::Labels;
            let names = |labels: Vec<Vec<::metrics::Label>>| {
                labels[0].iter().map(|it| it.key().to_owned()).collect()
            };
            vec![$((stringify!($Kind), $name, names(<$Labels>::all()))),+]
        }
    };
}

metrics! {
    Histogram STORE_OPERATIONS: (Operation, Outcome), Seconds = "sessile_store_operation_duration_seconds",
        "How long operations of the session store took";
    Histogram CONNECTION_WAITS: Backend, Seconds = "sessile_connection_wait_seconds",
        "How long operations waited for a connection because none was available";
    Counter CONNECTS: (Backend, ConnectOutcome), Count = "sessile_connects_total",
        "Attempts to connect to the server of the session store";
    Counter REDIRECTS: Redirect, Count = "sessile_redis_redirects_total",
        "Requests that a node of a Redis cluster redirected to another node";
    Counter CLEANED_ROWS: Backend, Count = "sessile_cleaned_rows_total",
        "Rows of expired sessions that were deleted";
    Gauge MEMORY_STORE_SESSIONS: (), Count = "sessile_memory_store_sessions",
        "Sessions in memory stores";
    Gauge MEMORY_STORE_BYTES: (), Bytes = "sessile_memory_store_bytes",
        "Memory that the sessions in memory stores take, roughly";
    Gauge NEAR_CACHE_SESSIONS: (), Count = "sessile_near_cache_sessions",
        "Sessions in near caches";
    Gauge NEAR_CACHE_BYTES: (), Bytes = "sessile_near_cache_bytes",
        "Memory that the sessions in near caches take, as counted against their bound";
    Counter NEAR_CACHE_HITS: (), Count = "sessile_near_cache_hits_total",
        "Sessions that a near cache served";
    Counter NEAR_CACHE_MISSES: (), Count = "sessile_near_cache_misses_total",
        "Sessions that a near cache did not have, or could not rely on";
    Counter NEAR_CACHE_INVALIDATIONS: (), Count = "sessile_near_cache_invalidations_total",
        "Redis keys that Redis reported as changed";
    Counter CONFLICTS: (), Count = "sessile_conflicts_total",
        "Updates that conflicted with another request's";
    Histogram COMBINED_WRITES: (), Count = "sessile_combined_writes",
        "Requests whose changes one combined update stored";
    Counter CHANGES_DROPPED: DropReason, Count = "sessile_changes_dropped_total",
        "Requests whose changes were dropped because another request had renewed or ended the session";
    Counter COOKIES_SENT: CookieCause, Count = "sessile_cookies_sent_total",
        "Session cookies that responses set or removed";
    Counter COOKIES_REJECTED: RejectReason, Count = "sessile_cookies_rejected_total",
        "Session cookies that failed verification";
    Counter COOKIES_AMBIGUOUS: (), Count = "sessile_cookies_ambiguous_total",
        "Requests with cookies of several live sessions, of which none counted";
    Counter SESSIONS_NOT_FOUND: NotFoundReason, Count = "sessile_sessions_not_found_total",
        "Verified cookies that name no live session";
    Counter SIGN_INS_REFUSED: SignInRefusal, Count = "sessile_sign_ins_refused_total",
        "Sign-ins that the store refused";
    Counter MARKS: MarkScope, Count = "sessile_marks_total",
        "Calls that ended all sessions of a user, or of everyone";
    Counter CSRF_REFUSED: (), Count = "sessile_csrf_refused_total",
        "Requests that were refused as cross-site request forgery";
    Counter RECORDS_CORRUPT: (), Count = "sessile_records_corrupt_total",
        "Stored sessions that could not be decoded";
    Counter FAILURES: Step, Count = "sessile_failures_total",
        "Steps of requests that failed because of the session or its store";
}
