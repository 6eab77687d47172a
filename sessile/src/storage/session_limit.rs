//! [`SessionLimit`]: how many sessions a user can have, and which of them a sign-in over the limit displaces.
//!
//! PostgreSQL and Redis decide the latter themselves: in the statement of a sign-in, and in `scripts/displace.lua`.

use std::num::NonZeroU32;

/// The maximum number of sessions that a user can have at a time.
///
/// ```
/// use sessile::storage::{AtLimit, SessionLimit};
///
/// let limit = SessionLimit::new(3).expect("more than zero");
/// assert_eq!((limit.max(), limit.at_limit()), (3, AtLimit::EndEarliest));
/// assert_eq!(limit.refusing().at_limit(), AtLimit::RefuseNew);
/// assert_eq!(SessionLimit::new(0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimit {
    max: NonZeroU32,
    at_limit: AtLimit,
}

/// What happens at a sign-in of a user who already has the maximum number of sessions.
///
/// ```
/// use sessile::storage::{AtLimit, SessionLimit};
///
/// let limit = SessionLimit::new(3).expect("more than zero");
/// assert_eq!(limit.at_limit(), AtLimit::EndEarliest);
/// assert_eq!(limit.refusing().at_limit(), AtLimit::RefuseNew);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtLimit {
    /// The session that signed in earliest ends.
    EndEarliest,
    /// The sign-in is refused.
    RefuseNew,
}

impl SessionLimit {
    /// At most `max` sessions, of which the one that signed in earliest ends; `None` if `max` is zero.
    #[must_use]
    pub const fn new(max: u32) -> Option<Self> {
        match NonZeroU32::new(max) {
            Some(max) => Some(Self {
                max,
                at_limit: AtLimit::EndEarliest,
            }),
            None => None,
        }
    }

    /// Makes the limit refuse a new sign-in instead.
    ///
    /// A session whose cookie never reached the browser counts until it expires, so a user whose connection broke during the
    /// sign-in may be refused. Offer to end the other sessions then:
    /// [`end_all_and_sign_in`](crate::Sessions::end_all_and_sign_in).
    #[must_use]
    pub const fn refusing(self) -> Self {
        Self {
            at_limit: AtLimit::RefuseNew,
            ..self
        }
    }

    /// The maximum number of sessions.
    #[must_use]
    pub const fn max(self) -> u32 {
        self.max.get()
    }

    /// What happens when the limit is reached.
    #[must_use]
    pub const fn at_limit(self) -> AtLimit {
        self.at_limit
    }

    /// The sessions that a new one displaces: the first of the user's `others`, which are in the order in which they
    /// signed in. `None` if the new one is refused.
    pub(super) fn displaced<T>(self, mut others: Vec<T>) -> Option<Vec<T>> {
        let max = usize::try_from(self.max()).unwrap_or(usize::MAX);
        others.truncate((others.len() + 1).saturating_sub(max));
        (others.is_empty() || self.at_limit == AtLimit::EndEarliest).then_some(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_sign_ins_are_displaced_or_the_new_one_is_refused() {
        for (max, others, displaced) in [
            (2, vec![], vec![]),
            (2, vec![1], vec![]),
            (2, vec![1, 2], vec![1]),
            (2, vec![1, 2, 3], vec![1, 2]),
            (1, vec![1, 2], vec![1, 2]),
        ] {
            let limit = SessionLimit::new(max).unwrap();
            let refusing = Some(displaced.clone()).filter(Vec::is_empty);
            assert_eq!(limit.refusing().displaced(others.clone()), refusing);
            assert_eq!(limit.displaced(others), Some(displaced));
        }
    }
}
