//! [`Journal`]: the changes of one request to the state of its session, as data that can be replayed on a
//! newer state.

mod details;
mod entries;

use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use smallvec::SmallVec;

pub(crate) use self::details::{DetailChanges, SignIn};
use self::entries::{Base, Entries, Entry};
use crate::record::{
    Payload,
    json::{JsonError, JsonText},
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

    /// Applies the changes to `payload`. That runs closures, so it must not be called under a lock.
    ///
    /// After an error, `payload` has some of the changes.
    pub(crate) fn replay(&self, payload: &mut Payload) -> Result<(), MergeError> {
        if let Some(changes) = &self.details {
            changes.apply(payload);
        }
        let state = &mut payload.state;
        if self.cleared {
            state.clear();
        }
        for (name, entry) in self.entries.iter() {
            match &entry.base {
                Base::Stored => {}
                Base::Set(text) => state.set(name, text.clone()),
                Base::Removed => drop(state.remove(name)),
            }
            for update in &entry.updates {
                let text = match (state.text(name), &update.default) {
                    (Some(text), _) => update.run(text).map_err(|cause| MergeError {
                        name: Arc::clone(name),
                        source: cause,
                    })?,
                    (None, Some(default)) => default.clone(),
                    (None, None) => continue,
                };
                state.set(name, text);
            }
        }
        Ok(())
    }
}

impl Update {
    fn run(&self, text: &str) -> Result<JsonText, MergeCause> {
        // A panic leaves no state inconsistent here: the closure only turns one text into another.
        match catch_unwind(AssertUnwindSafe(|| (self.updater)(text))) {
            Ok(updated) => Ok(updated?),
            Err(_panic) => Err(MergeCause::Panicked),
        }
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

/// A change could not be applied to the state that another request stored in the meantime.
///
/// It has the name, but never a value. [`Session::discard`](crate::Session::discard) drops the changes,
/// after which the session can be used again.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     error::{MergeCause, SessionReloadError},
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// # let post = ResponseHead::to("POST");
/// # let session = manager.open([]).await?;
/// # session.insert("visits", 1)?;
/// # let headers = manager.commit(&session, &post).await?;
/// # let cookie = headers.set_cookie.unwrap();
/// # let cookie = cookie.as_str().split(';').next().unwrap();
/// let session = manager.open([cookie.as_bytes()]).await?;
/// session.update("visits", |n: u32| n + 1)?;
///
/// // In the meantime, another request stores a string.
/// let other = manager.open([cookie.as_bytes()]).await?;
/// other.insert("visits", "many")?;
/// manager.commit(&other, &post).await?;
///
/// match session.reload().await {
///     Err(SessionReloadError::Merge(error)) => {
///         assert_eq!(&*error.name, "visits");
///         assert!(matches!(error.source, MergeCause::Json(_)));
///     }
///     _ => panic!("a string can't be incremented"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the update of the session's value `{name}` could not be applied to the stored value")]
#[non_exhaustive]
pub struct MergeError {
    /// The name of the value.
    pub name: Arc<str>,
    /// The reason.
    pub source: MergeCause,
}

/// Why a change could not be applied to the state that another request stored.
///
/// ```
/// use sessile::error::{JsonError, MergeCause};
///
/// assert_eq!(MergeCause::from(JsonError::TooDeep), MergeCause::Json(JsonError::TooDeep));
/// assert_eq!(MergeCause::Panicked.to_string(), "the closure given to `update` panicked");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeCause {
    /// The stored value is not of the closure's type, or the new value has no JSON form.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The closure panicked.
    #[error("the closure given to `update` panicked")]
    Panicked,
}

#[cfg(test)]
mod tests;
