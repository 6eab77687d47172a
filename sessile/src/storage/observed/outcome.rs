//! The outcome of an operation, as metrics count it.

use crate::{
    clock::Timestamp,
    storage::{
        CreateOutcome, EndOutcome, Loaded, Page, SignInOutcome, StoreErrorKind, UpdateOutcome,
        wrapper::Described,
    },
    telemetry::Outcome,
};

/// Of a load.
impl Described for Option<Loaded> {
    #[inline]
    fn outcome(&self) -> Outcome {
        match self {
            Some(_) => Outcome::Ok,
            None => Outcome::Missing,
        }
    }
}

impl Described for CreateOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Created | Self::CreatedAs(_) => Outcome::Ok,
            Self::Taken => Outcome::Taken,
            Self::Refused(_) => Outcome::Refused,
        }
    }
}

impl Described for UpdateOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Updated => Outcome::Ok,
            Self::Conflict => Outcome::Conflict,
            Self::Missing => Outcome::Missing,
            Self::Refused(_) => Outcome::Refused,
        }
    }
}

impl Described for SignInOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Stored { .. } => Outcome::Ok,
            Self::Taken => Outcome::Taken,
            Self::Conflict => Outcome::Conflict,
            Self::Missing => Outcome::Missing,
            Self::Refused(_) => Outcome::Refused,
        }
    }
}

impl Described for EndOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Ended { .. } => Outcome::Ok,
            Self::KeptHasEnded => Outcome::Refused,
        }
    }
}

/// Of a delete.
impl Described for () {}

/// Of a list.
impl<T> Described for Vec<T> {}

/// Of the revocation list.
impl Described for bool {}

/// Of a count.
impl Described for u64 {}

impl Described for Page {}

/// Of ending everything.
impl Described for Timestamp {}

impl From<StoreErrorKind> for Outcome {
    fn from(kind: StoreErrorKind) -> Self {
        match kind {
            StoreErrorKind::Unavailable => Self::Unavailable,
            StoreErrorKind::Unknown => Self::Unknown,
            StoreErrorKind::Corrupt => Self::Corrupt,
            StoreErrorKind::Newer => Self::Newer,
            StoreErrorKind::Denied => Self::Denied,
            StoreErrorKind::TooLarge => Self::TooLarge,
            StoreErrorKind::Incompatible => Self::Incompatible,
            StoreErrorKind::Misconfigured => Self::Misconfigured,
            StoreErrorKind::Unsupported => Self::Unsupported,
        }
    }
}
