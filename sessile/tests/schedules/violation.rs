//! [`Violation`]: an invariant, and how it was broken.

use std::fmt;

/// The invariants of the engine that two requests can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Invariant {
    Lost,
    Twice,
    Ended,
    OldKey,
    Ends,
    Answers,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "1: no acknowledged write is lost while its session lives",
            Self::Twice => "1: no write is applied twice, and none that was refused is applied",
            Self::Ended => "2: an ended session is never readable again",
            Self::OldKey => "3: a key from before a renewal never reaches what was stored after it",
            Self::Ends => "4: every request ends",
            Self::Answers => "a request is answered 200, 409 or 503, each for its reason",
        })
    }
}

impl Invariant {
    pub(crate) fn violated(self, what: impl Into<String>) -> Violation {
        Violation {
            invariant: self,
            what: what.into(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) what: String,
}
