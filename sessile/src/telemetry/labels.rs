//! The labels of metrics. Their values are fixed, so the number of time series is bounded.

use super::metric::label;

label! {
    /// An operation of a store, for a [`StoreWrapper`](crate::storage::StoreWrapper).
    ///
    #[doc = include_str!("../storage/docs/store_wrapper.md")]
    #[non_exhaustive]
    pub Operation = "operation" {
        /// [`SessionStore::load`](crate::storage::SessionStore::load)
        Load = "load",
        /// [`SessionStore::create`](crate::storage::SessionStore::create)
        Create = "create",
        /// [`SessionStore::update`](crate::storage::SessionStore::update)
        Update = "update",
        /// [`SessionStore::delete`](crate::storage::SessionStore::delete)
        Delete = "delete",
        /// [`SubjectStore::sign_in`](crate::storage::SubjectStore::sign_in)
        SignIn = "sign_in",
        /// [`SubjectStore::list`](crate::storage::SubjectStore::list)
        List = "list",
        /// [`SubjectStore::find_by_label`](crate::storage::SubjectStore::find_by_label)
        FindByLabel = "find_by_label",
        /// [`SubjectStore::end_subject`](crate::storage::SubjectStore::end_subject)
        EndSubject = "end_subject",
        /// [`SubjectStore::end_everything`](crate::storage::SubjectStore::end_everything)
        EndEverything = "end_everything",
        /// [`SubjectStore::is_revoked`](crate::storage::SubjectStore::is_revoked)
        IsRevoked = "is_revoked",
        /// [`IterableStore::page`](crate::storage::IterableStore::page)
        Page = "page",
        /// [`IterableStore::count`](crate::storage::IterableStore::count)
        Count = "count",
        /// [`IterableStore::clear`](crate::storage::IterableStore::clear)
        Clear = "clear",
        /// [`ManagedStore::ping`](crate::storage::ManagedStore::ping)
        Ping = "ping",
    }
}

label! {
    /// What an operation of a store did.
    Outcome = "outcome" {
        Ok = "ok",
        Taken = "taken",
        Conflict = "conflict",
        Missing = "missing",
        Refused = "refused",
        Unavailable = "unavailable",
        Unknown = "unknown",
        Corrupt = "corrupt",
        Newer = "newer",
        Denied = "denied",
        TooLarge = "too_large",
        Incompatible = "incompatible",
        Misconfigured = "misconfigured",
        Unsupported = "unsupported",
        Cancelled = "cancelled",
        TimedOut = "timed_out",
    }
}

label! {
    /// What a store keeps its sessions in.
    Backend = "backend" {
        Redis = "redis",
        Postgres = "postgresql",
        MySql = "mysql",
        Sqlite = "sqlite",
    }
}

label! {
    /// Whether a connection was made.
    ConnectOutcome = "outcome" {
        Connected = "connected",
        Failed = "failed",
    }
}

label! {
    /// How a node of a cluster redirects.
    Redirect = "kind" {
        Moved = "moved",
        Ask = "ask",
    }
}

label! {
    /// Why changes were dropped.
    DropReason = "reason" {
        Superseded = "superseded",
        Ended = "ended",
    }
}

label! {
    /// Why a response has a session cookie.
    CookieCause = "cause" {
        Issued = "issued",
        Reissued = "reissued",
        Removed = "removed",
    }
}

label! {
    /// Why a cookie was rejected.
    RejectReason = "reason" {
        Empty = "empty",
        TooLong = "too_long",
        Unverified = "unverified",
    }
}

label! {
    /// Why a cookie names no live session.
    NotFoundReason = "reason" {
        Missing = "missing",
        Expired = "expired",
        OldKey = "old_key",
        Revoked = "revoked",
    }
}

label! {
    /// Why a sign-in was refused.
    SignInRefusal = "reason" {
        SubjectEnded = "subject_ended",
        LimitReached = "limit_reached",
    }
}

label! {
    /// Whose sessions were ended.
    MarkScope = "scope" {
        Subject = "subject",
        Everyone = "everyone",
    }
}

label! {
    /// The step of a request that failed.
    Step = "step" {
        Open = "open",
        Commit = "commit",
        ExtendLifetime = "extend_lifetime",
        ResendCookie = "resend_cookie",
        DeleteUnneeded = "delete_unneeded",
    }
}
