//! [`Slots`]: sessions by their places, and in the order of use.

use std::{cmp::Reverse, collections::BinaryHeap, mem};

use super::ids::{Id, Secret};
use crate::{clock::Timestamp, state::State, storage::Version};

/// Sessions, each in a slot that it keeps, and in the order of use.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// The slots with nothing in them, and some that are no more.
    vacant: BinaryHeap<Reverse<Place>>,
    /// The neighbors of nobody: who comes after that is the oldest, who comes before is the newest.
    ends: Neighbors,
}

/// The number of a slot.
pub(super) type Place = u32;

/// The state is beside the rest and not in there, so that both are waited for at once when memory has to be.
#[derive(Default)]
struct Slot {
    session: Option<Box<Session>>,
    state: State,
}

/// All of a session but its state.
pub(super) struct Session {
    pub(super) id: Id,
    pub(super) secret: Secret,
    pub(super) version: Version,
    pub(super) created_at: Timestamp,
    pub(super) touched_at: Timestamp,
    pub(super) undated: bool,
    pub(super) ends_at: Timestamp,
    /// When to see whether it has ended: never later than `ends_at`. It stays where it is while the life
    /// is extended again and again, and is moved once it has come.
    pub(super) due: Timestamp,
    /// When it was last put at the end of the order of use.
    pub(super) placed_at: Timestamp,
    pub(super) neighbors: Neighbors,
}

/// Those that were used before and after, if any.
#[derive(Clone, Copy, Default)]
pub(super) struct Neighbors {
    older: Option<Place>,
    newer: Option<Place>,
}

/// How much room is not worth giving back.
const LITTLE_ROOM: usize = 64;

impl Slots {
    /// The session that is there, and its state.
    pub(super) fn get(&mut self, place: Place) -> Option<(&mut Session, &mut State)> {
        let Slot { session, state } = self.slots.get_mut(place as usize)?;
        Some((session.as_deref_mut()?, state))
    }

    /// The first slot with nothing in it. Those at the end can be given back when they are empty.
    pub(super) fn first_vacant(&mut self) -> Place {
        match self.vacant.peek() {
            Some(&Reverse(place)) if (place as usize) < self.slots.len() => place,
            _ => {
                // All others are behind the end as well.
                self.vacant.clear();
                let place = self.slots.len() as Place;
                self.slots.push(Slot::default());
                self.vacant.push(Reverse(place));
                place
            }
        }
    }

    /// Puts a session in the first vacant slot, as the one that was used last.
    pub(super) fn insert(&mut self, session: Session, state: State) -> Place {
        let place = self.first_vacant();
        self.vacant.pop();
        let slot = &mut self.slots[place as usize];
        slot.session = Some(Box::new(session));
        slot.state = state;
        self.append(place);
        place
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<(Session, State)> {
        let slot = self.slots.get_mut(place as usize)?;
        let session = slot.session.take()?;
        let state = mem::take(&mut slot.state);
        self.part(session.neighbors);
        self.vacant.push(Reverse(place));
        self.give_back();
        Some((*session, state))
    }

    /// Gives back the slots behind the last session, and their room once that is most of it.
    fn give_back(&mut self) {
        while self.slots.last().is_some_and(|slot| slot.session.is_none()) {
            self.slots.pop();
        }
        let room = self.slots.capacity();
        if room > LITTLE_ROOM && self.slots.len() < room / 4 {
            self.slots.shrink_to_fit();
            self.vacant
                .retain(|place| (place.0 as usize) < self.slots.len());
            self.vacant.shrink_to_fit();
        }
    }

    /// The one that was not used for the longest time.
    pub(super) fn oldest(&self) -> Option<Place> {
        self.ends.newer
    }

    /// Makes it the one that was used last.
    pub(super) fn set_newest(&mut self, place: Place) {
        if let Some((session, _)) = self.get(place) {
            let neighbors = session.neighbors;
            self.part(neighbors);
            self.append(place);
        }
    }

    fn append(&mut self, place: Place) {
        let newest = self.ends.older;
        *self.neighbors(Some(place)) = Neighbors {
            older: newest,
            newer: None,
        };
        self.neighbors(newest).newer = Some(place);
        self.ends.older = Some(place);
    }

    /// Makes neighbors of those whose neighbor leaves.
    fn part(&mut self, Neighbors { older, newer }: Neighbors) {
        self.neighbors(older).newer = newer;
        self.neighbors(newer).older = older;
    }

    fn neighbors(&mut self, of: Option<Place>) -> &mut Neighbors {
        let slot = of.and_then(|place| self.slots.get_mut(place as usize));
        match slot.and_then(|slot| slot.session.as_deref_mut()) {
            Some(session) => &mut session.neighbors,
            None => &mut self.ends,
        }
    }
}

#[cfg(test)]
impl Slots {
    /// For how many there is room already.
    pub(super) fn room(&self) -> usize {
        self.slots.capacity()
    }

    /// The places of all sessions in the order of use, once everything was checked.
    pub(super) fn checked(&mut self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut before = None;
        let mut next = self.oldest();
        while let Some(place) = next {
            let Neighbors { older, newer } = self.get(place).unwrap().0.neighbors;
            assert_eq!(older, before);
            places.push(place);
            (before, next) = (Some(place), newer);
        }
        assert_eq!(self.ends.older, before);
        let is_taken = |slot: &&Slot| slot.session.is_some();
        assert_eq!(places.len(), self.slots.iter().filter(is_taken).count());
        let vacant = self.vacant.iter().map(|place| place.0 as usize);
        let mut vacant: Vec<_> = vacant.filter(|&place| place < self.slots.len()).collect();
        vacant.sort_unstable();
        assert!(vacant.is_sorted_by(|one, next| one < next));
        assert_eq!(places.len() + vacant.len(), self.slots.len());
        places
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn session() -> Session {
        let now = Timestamp::from_unix_millis(0);
        Session {
            id: [0; 22],
            secret: [0; 43],
            version: Version::new(0),
            created_at: now,
            touched_at: now,
            undated: false,
            ends_at: now,
            due: now,
            placed_at: now,
            neighbors: Neighbors::default(),
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Insert,
        Remove(prop::sample::Index),
        /// All that are in the last so many slots.
        RemoveLast(u32),
        SetNewest(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => Just(Step::Insert),
            2 => any::<prop::sample::Index>().prop_map(Step::Remove),
            1 => (0..200_u32).prop_map(Step::RemoveLast),
            2 => any::<prop::sample::Index>().prop_map(Step::SetNewest),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn they_are_as_a_plain_list_would_be(steps in vec(step(), 1..600)) {
            let mut slots = Slots::default();
            let mut order: Vec<Place> = Vec::new();
            for step in steps {
                match step {
                    Step::Insert => {
                        let first_free = (0..).find(|place| !order.contains(place)).unwrap();
                        prop_assert_eq!(slots.insert(session(), State::default()), first_free);
                        order.push(first_free);
                    }
                    Step::RemoveLast(number) => {
                        let last = order.iter().max().map_or(0, |last| last + 1);
                        let kept = last.saturating_sub(number);
                        for place in kept..last {
                            slots.remove(place);
                        }
                        order.retain(|&place| place < kept);
                    }
                    Step::Remove(index) if !order.is_empty() => {
                        let place = order.remove(index.index(order.len()));
                        prop_assert!(slots.remove(place).is_some());
                        prop_assert!(slots.remove(place).is_none());
                    }
                    Step::SetNewest(index) if !order.is_empty() => {
                        let place = order.remove(index.index(order.len()));
                        order.push(place);
                        slots.set_newest(place);
                    }
                    Step::Remove(_) | Step::SetNewest(_) => {}
                }
                prop_assert_eq!(&slots.checked(), &order);
            }
        }
    }
}
