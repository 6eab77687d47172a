//! [`Cache`]: which sessions had not ended a short time ago.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    storage::{SessionId, lock::lock},
};

/// The maximum number of sessions in each generation.
const GENERATION: usize = 16_384;

/// When the list was last asked about each session, if its answer was that the session had not ended.
///
/// There are two generations. When the newer one is full or too old, it replaces the older one. So
/// outdated entries are dropped without a search.
#[derive(Clone)]
pub(super) struct Cache {
    max_staleness: Duration,
    generations: Arc<Mutex<Generations>>,
}

#[derive(Default)]
struct Generations {
    newer: HashMap<SessionId, Timestamp>,
    older: HashMap<SessionId, Timestamp>,
    /// When the newer one began.
    begin: Option<Timestamp>,
    /// The number of times that this process has ended sessions.
    removals: u64,
}

/// A question to the list whose answer has not been remembered yet.
pub(super) struct Question {
    asked_at: Timestamp,
    /// The number of removals when it was asked.
    removals: u64,
}

impl Generations {
    fn remove(&mut self, id: &SessionId) {
        self.newer.remove(id);
        self.older.remove(id);
    }
}

impl Cache {
    /// A cache that answers for this long; with a duration of zero, never.
    pub(super) fn new(max_staleness: Duration) -> Self {
        Self {
            max_staleness,
            generations: Arc::default(),
        }
    }

    /// Whether the session had not ended within the bound.
    pub(super) fn is_live(&self, id: &SessionId, now: Timestamp) -> bool {
        if self.max_staleness.is_zero() {
            return false;
        }
        let generations = lock(&self.generations);
        let asked_at = generations
            .newer
            .get(id)
            .or_else(|| generations.older.get(id));
        asked_at.is_some_and(|asked_at| self.is_fresh(*asked_at, now))
    }

    /// A question that is asked now.
    pub(super) fn begin(&self, asked_at: Timestamp) -> Question {
        let removals = match self.max_staleness.is_zero() {
            true => 0,
            false => lock(&self.generations).removals,
        };
        Question { asked_at, removals }
    }

    /// Remembers that the session had not ended when the list was asked. If this process has ended a session since, it may
    /// be this one, and nothing is remembered.
    pub(super) fn remember(&self, id: &SessionId, question: &Question) {
        if self.max_staleness.is_zero() {
            return;
        }
        let asked_at = question.asked_at;
        let mut generations = lock(&self.generations);
        if generations.removals != question.removals {
            return;
        }
        let is_fresh = |begin| self.is_fresh(begin, asked_at);
        if !generations.begin.is_some_and(is_fresh) || generations.newer.len() >= GENERATION {
            generations.begin = Some(asked_at);
            generations.older = mem::take(&mut generations.newer);
        }
        generations.newer.insert(id.clone(), asked_at);
    }

    /// Removes a session that has ended, as the list says.
    pub(super) fn remove(&self, id: &SessionId) {
        if !self.max_staleness.is_zero() {
            lock(&self.generations).remove(id);
        }
    }

    /// Removes a session that this process has ended. Answers that are on their way are not remembered.
    pub(super) fn forget(&self, id: &SessionId) {
        if !self.max_staleness.is_zero() {
            let mut generations = lock(&self.generations);
            generations.remove(id);
            generations.removals += 1;
        }
    }

    pub(super) fn clear(&self) {
        let mut generations = lock(&self.generations);
        *generations = Generations {
            removals: generations.removals + 1,
            ..Generations::default()
        };
    }

    /// Whether an answer of this time still counts. If the clock was set back, it does not.
    fn is_fresh(&self, asked_at: Timestamp, now: Timestamp) -> bool {
        asked_at <= now && now.saturating_duration_since(asked_at) < self.max_staleness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> SessionId {
        let mut bytes = [0; SessionId::LEN];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn remember(cache: &Cache, number: u64, seconds: u64) {
        cache.remember(&id(number), &cache.begin(at(seconds)));
    }

    #[test]
    fn an_answer_counts_until_the_bound() {
        let cache = Cache::new(Duration::from_secs(5));
        assert!(!cache.is_live(&id(1), at(10)));
        remember(&cache, 1, 10);
        for (seconds, counts) in [(9, false), (10, true), (14, true), (15, false)] {
            assert_eq!(cache.is_live(&id(1), at(seconds)), counts, "{seconds}");
        }
        // In the older generation.
        remember(&cache, 2, 14);
        remember(&cache, 3, 16);
        assert!(cache.is_live(&id(2), at(18)) && !cache.is_live(&id(2), at(19)));
        cache.forget(&id(2));
        assert!(!cache.is_live(&id(2), at(18)) && cache.is_live(&id(3), at(18)));
        cache.clear();
        assert!(!cache.is_live(&id(3), at(18)));
    }

    #[test]
    fn an_answer_from_before_a_removal_is_not_remembered() {
        for remove in [|cache: &Cache| cache.forget(&id(1)), Cache::clear] {
            let cache = Cache::new(Duration::from_secs(5));
            let question = cache.begin(at(10));
            remove(&cache);
            cache.remember(&id(1), &question);
            assert!(!cache.is_live(&id(1), at(10)));
            remember(&cache, 1, 10);
            assert!(cache.is_live(&id(1), at(10)));
        }
    }

    #[test]
    fn without_a_bound_nothing_is_remembered() {
        let cache = Cache::new(Duration::ZERO);
        remember(&cache, 1, 10);
        assert!(!cache.is_live(&id(1), at(10)));
        assert!(lock(&cache.generations).newer.is_empty());
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let cache = Cache::new(Duration::from_secs(5));
        for number in 0..100_000 {
            remember(&cache, number, 10);
        }
        let generations = lock(&cache.generations);
        assert!(generations.newer.len() + generations.older.len() <= 32_768);
        drop(generations);
        assert!(cache.is_live(&id(99_999), at(10)));
    }
}
