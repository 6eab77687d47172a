//! [`Journal`]: the changes of one request to the state of its session, as data. [`merge`] replays them on a newer state.

mod details;
mod merge;

use std::{collections::BTreeMap, fmt, mem, sync::Arc};

use smallvec::SmallVec;

pub(crate) use self::{
    details::{DetailChanges, SignIn},
    merge::RebaseError,
};
use crate::{
    clock::Timestamp,
    record::json::{JsonError, JsonText},
};

/// A closure given to `update`, applied to the JSON text of a value.
pub(crate) type Updater = dyn Fn(&str) -> Result<JsonText, JsonError> + Send + Sync;

/// The changes of one request to its session.
///
/// Changes of different names don't depend on each other, so the journal keeps one entry for each name: it
/// is bounded by the names that were written, however often each of them was.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    /// Whether all names were removed before the changes in `entries`.
    cleared: bool,
    entries: Entries,
    details: Option<Box<DetailChanges>>,
}

/// A value that is computed from the one before.
#[derive(Clone)]
pub(crate) struct Update {
    /// The value if there is none.
    pub(crate) default: Option<JsonText>,
    pub(crate) updater: Arc<Updater>,
}

/// The closures of changes that were removed from a journal. Their `drop` is the application's code, so the caller drops
/// them without a lock.
#[must_use = "drop it without the lock"]
#[derive(Default)]
pub(crate) struct Discarded(Vec<Update>);

impl Discarded {
    pub(crate) fn new(journals: impl IntoIterator<Item = Journal>) -> Self {
        let entries = journals.into_iter().flat_map(|it| it.entries.into_iter());
        Self(entries.flat_map(|(_, entry)| entry.updates).collect())
    }

    /// Adds what an [`append`](Journal::append) has replaced, or another journal.
    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl From<Journal> for Discarded {
    fn from(journal: Journal) -> Self {
        Self::new([journal])
    }
}

impl Journal {
    pub(crate) fn is_empty(&self) -> bool {
        !self.cleared && self.entries.len() == 0 && self.details.is_none()
    }

    /// How many names were written.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Records that a value was put under `name`.
    pub(crate) fn set(&mut self, name: &Arc<str>, text: JsonText) -> Discarded {
        self.replace(name, Base::Set(text))
    }

    /// Records that `name` was removed.
    pub(crate) fn remove(&mut self, name: &Arc<str>) -> Discarded {
        self.replace(name, Base::Removed)
    }

    fn replace(&mut self, name: &Arc<str>, base: Base) -> Discarded {
        let entry = Entry {
            base,
            updates: SmallVec::new(),
        };
        let replaced = mem::replace(self.entries.get_or_insert(name), entry);
        Discarded(replaced.updates.into_vec())
    }

    /// Records that `update` was applied to the value under `name`, and that `result` came out.
    ///
    /// On top of a value that this request set itself, the result is a value that it set: then the closure
    /// need not run again.
    pub(crate) fn update(&mut self, name: &Arc<str>, update: Update, result: JsonText) {
        let entry = self.entries.get_or_insert(name);
        let starts_from_known = self.cleared || !matches!(entry.base, Base::Stored);
        if starts_from_known && entry.updates.is_empty() {
            entry.base = Base::Set(result);
        } else {
            entry.updates.push(update);
        }
    }

    /// Records that all names were removed.
    pub(crate) fn clear(&mut self) -> Discarded {
        let cleared = Self {
            cleared: true,
            entries: Entries::default(),
            details: self.details.take(),
        };
        mem::replace(self, cleared).into()
    }

    /// Records changes of what only some records have.
    pub(crate) fn change_details(&mut self, changes: DetailChanges) {
        self.details.get_or_insert_default().append(changes);
    }

    /// Removes the sign-in, if there is one.
    pub(crate) fn forget_sign_in(&mut self) {
        if let Some(changes) = &mut self.details
            && changes.sign_in.take().is_some()
        {
            changes.authenticated_at = None;
        }
    }

    /// When the user authenticated, if the changes say so.
    pub(crate) fn authenticated_at(&self) -> Option<Timestamp> {
        self.details.as_ref()?.authenticated_at
    }

    /// The sign-in, if there is one.
    pub(crate) fn sign_in(&self) -> Option<&SignIn> {
        self.details.as_ref()?.sign_in.as_ref()
    }

    /// Puts the changes of `later` behind these. Returns those that have no effect any more.
    pub(crate) fn append(&mut self, mut later: Self) -> Discarded {
        if let Some(changes) = later.details.take() {
            self.change_details(*changes);
        }
        if later.cleared {
            later.details = self.details.take();
            return mem::replace(self, later).into();
        }
        let mut discarded = Discarded::default();
        for (name, entry) in later.entries.into_iter() {
            let earlier = self.entries.get_or_insert(&name);
            match entry.base {
                Base::Stored => earlier.updates.extend(entry.updates),
                Base::Set(_) | Base::Removed => {
                    let replaced = mem::replace(earlier, entry);
                    discarded.0.extend(replaced.updates);
                }
            }
        }
        discarded
    }
}

/// One entry for each name, in the order of the names once there are many.
#[derive(Clone)]
enum Entries {
    Few(Vec<(Arc<str>, Entry)>),
    Many(BTreeMap<Arc<str>, Entry>),
}

/// Up to so many names are searched in a list.
const FEW: usize = 8;

/// The changes of one name.
#[derive(Clone)]
struct Entry {
    base: Base,
    /// The updates of that, in this order.
    updates: SmallVec<[Update; 1]>,
}

/// The value that the updates of a name start from.
#[derive(Clone)]
enum Base {
    /// The stored value.
    Stored,
    /// A value that replaced the stored one.
    Set(JsonText),
    /// No value, because the name was removed.
    Removed,
}

impl Entries {
    fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    /// The entry of `name`; a new one changes nothing.
    fn get_or_insert(&mut self, name: &Arc<str>) -> &mut Entry {
        let new = || Entry {
            base: Base::Stored,
            updates: SmallVec::new(),
        };
        if let Self::Few(few) = self
            && few.len() == FEW
        {
            *self = Self::Many(few.drain(..).collect());
        }
        match self {
            Self::Few(few) => {
                let found = few.iter().position(|(known, _)| known == name);
                let index = found.unwrap_or_else(|| {
                    few.push((Arc::clone(name), new()));
                    few.len() - 1
                });
                &mut few[index].1
            }
            Self::Many(many) => many.entry(Arc::clone(name)).or_insert_with(new),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        let few = few.into_iter().flatten().map(|(name, entry)| (name, entry));
        few.chain(many.into_iter().flatten())
    }

    fn into_iter(self) -> impl Iterator<Item = (Arc<str>, Entry)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// Shows names, never values.
impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal ")?;
        let names = self.entries.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests;
