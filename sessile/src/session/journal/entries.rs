//! [`Entries`]: the changes of each name in a journal.

use std::{collections::BTreeMap, sync::Arc};

use smallvec::SmallVec;

use super::Update;
use crate::record::json::JsonText;

/// One entry for each name, in the order of the names once there are many.
#[derive(Clone)]
pub(super) enum Entries {
    Few(Vec<(Arc<str>, Entry)>),
    Many(BTreeMap<Arc<str>, Entry>),
}

/// Up to so many names are searched in a list.
const FEW: usize = 8;

/// The changes of one name.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) base: Base,
    /// The updates of that, in this order.
    pub(super) updates: SmallVec<[Update; 1]>,
}

/// The value that the updates of a name start from.
#[derive(Clone)]
pub(super) enum Base {
    /// The stored value.
    Stored,
    /// A value that replaced the stored one.
    Set(JsonText),
    /// No value, because the name was removed.
    Removed,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    /// The entry of `name`; a new one changes nothing.
    pub(super) fn get_or_insert(&mut self, name: &Arc<str>) -> &mut Entry {
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

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        let few = few.into_iter().flatten().map(|(name, entry)| (name, entry));
        few.chain(many.into_iter().flatten())
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (Arc<str>, Entry)> {
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
