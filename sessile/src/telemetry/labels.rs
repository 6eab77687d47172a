//! The labels of metrics. Their values are fixed, so the number of time series is bounded.

use super::metric::label;

label! {
    /// An operation of a store.
    Operation = "operation" {
        Load = "load",
        Create = "create",
        Update = "update",
        Delete = "delete",
        SignIn = "sign_in",
        List = "list",
        FindByLabel = "find_by_label",
        EndSubject = "end_subject",
        EndEverything = "end_everything",
        IsRevoked = "is_revoked",
        Page = "page",
        Count = "count",
        Clear = "clear",
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
