//! Whether a goal is reached.

use std::fmt;

use super::table::number;
use crate::results::Spread;

#[derive(Clone, Copy)]
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The median reaches the goal.
    Yes,
    /// The better quartile reaches the goal.
    WithinSpread,
    No,
}

impl Goal {
    pub(super) fn judge(self, measured: Spread) -> Verdict {
        let (by_median, by_quartile) = match self {
            Self::AtMost(most) => (measured.median <= most, measured.lower <= most),
            Self::AtLeast(least) => (measured.median >= least, measured.upper >= least),
        };
        match (by_median, by_quartile) {
            (true, _) => Verdict::Yes,
            (false, true) => Verdict::WithinSpread,
            (false, false) => Verdict::No,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtMost(most) => write!(f, "≤ {}", number(most)),
            Self::AtLeast(least) => write!(f, "≥ {}", number(least)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::WithinSpread => "within the spread",
            Self::No => "**no**",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_meets_a_goal_and_the_better_quartile_is_within_the_spread() {
        let measured = Spread {
            lower: 1.0,
            median: 2.0,
            upper: 3.0,
        };
        for (goal, expected) in [
            (Goal::AtMost(2.0), Verdict::Yes),
            (Goal::AtMost(1.9), Verdict::WithinSpread),
            (Goal::AtMost(1.0), Verdict::WithinSpread),
            (Goal::AtMost(0.9), Verdict::No),
            (Goal::AtLeast(2.0), Verdict::Yes),
            (Goal::AtLeast(2.1), Verdict::WithinSpread),
            (Goal::AtLeast(3.0), Verdict::WithinSpread),
            (Goal::AtLeast(3.1), Verdict::No),
        ] {
            assert_eq!(goal.judge(measured), expected, "{goal}");
        }
    }
}
