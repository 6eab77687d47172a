//! [`Journal`]: what one request did to its session, as data that can be replayed on a newer state.

use std::{fmt, sync::Arc};

use crate::{
    json::{JsonError, JsonText},
    state::State,
};

/// What a closure given to `update` does to the JSON text of a value.
pub(crate) type Updater = dyn Fn(&str) -> Result<JsonText, JsonError> + Send + Sync;

/// One change to a state.
#[derive(Clone)]
pub(crate) enum Change {
    /// A value was put under a name.
    Set { name: Arc<str>, text: JsonText },
    /// A name was removed.
    Remove { name: Arc<str> },
    /// Everything was removed.
    Clear,
    /// A value was computed from the one that was there.
    Update {
        name: Arc<str>,
        /// What to put there when nothing is.
        default: Option<JsonText>,
        updater: Arc<Updater>,
    },
}

impl Change {
    fn apply(&self, state: &mut State) -> Result<(), MergeError> {
        match self {
            Self::Set { name, text } => state.set(name, text.clone()),
            Self::Remove { name } => {
                state.remove(name);
            }
            Self::Clear => state.clear(),
            Self::Update {
                name,
                default,
                updater,
            } => {
                let text = match (state.text(name), default) {
                    (Some(text), _) => updater(text).map_err(|source| MergeError {
                        name: name.clone(),
                        source,
                    })?,
                    (None, Some(default)) => default.clone(),
                    (None, None) => return Ok(()),
                };
                state.set(name, text);
            }
        }
        Ok(())
    }

    /// Whether this change makes `earlier`, the one right before it, irrelevant.
    fn supersedes(&self, earlier: &Self) -> bool {
        match self {
            Self::Clear => true,
            Self::Set { name, .. } | Self::Remove { name } => match earlier {
                Self::Set { name: before, .. }
                | Self::Remove { name: before }
                | Self::Update { name: before, .. } => name == before,
                Self::Clear => false,
            },
            Self::Update { .. } => false,
        }
    }
}

/// What one request did to its session, in order.
///
/// Its changes have been made to the state that the request loaded; should somebody else have
/// stored a newer state by then, they are made once more, to that one.
#[derive(Clone, Default)]
pub(crate) struct Journal(Vec<Change>);

impl Journal {
    /// Notes a change that has been made.
    ///
    /// Changes right before it that no longer matter are taken out and handed back, so that a loop
    /// over one name does not pile up.
    pub(crate) fn push(&mut self, change: Change) -> Vec<Change> {
        let kept = self
            .0
            .iter()
            .rposition(|earlier| !change.supersedes(earlier))
            .map_or(0, |last| last + 1);
        let superseded = self.0.split_off(kept);
        self.0.push(change);
        superseded
    }

    /// Makes the changes to `state`.
    ///
    /// On an error `state` is left with the changes up to the one that failed.
    pub(crate) fn replay(&self, state: &mut State) -> Result<(), MergeError> {
        self.0.iter().try_for_each(|change| change.apply(state))
    }

    /// Puts the changes of `later` behind these.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.0.append(&mut later.0);
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({} changes)", self.0.len())
    }
}

/// An `update` could not be made once more to what another request stored under the same name in
/// the meantime, because that is of another shape.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the update of `{name}` does not fit what another request stored there meanwhile")]
#[non_exhaustive]
pub struct MergeError {
    /// The name whose value was to be updated.
    pub name: Arc<str>,
    source: JsonError,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn set(name: &str, text: &str) -> Change {
        Change::Set {
            name: name.into(),
            text: text.into(),
        }
    }

    fn remove(name: &str) -> Change {
        Change::Remove { name: name.into() }
    }

    fn increment(name: &str, default: Option<&str>) -> Change {
        Change::Update {
            name: name.into(),
            default: default.map(Into::into),
            updater: Arc::new(|text| json::to_text(&(json::parse::<i64>(text)? + 1))),
        }
    }

    fn journal(changes: impl IntoIterator<Item = Change>) -> Journal {
        let mut journal = Journal::default();
        for change in changes {
            journal.push(change);
        }
        journal
    }

    fn state_of(json: &str) -> State {
        State::from_json(json)
    }

    fn replayed(changes: impl IntoIterator<Item = Change>, on: &str) -> State {
        let mut state = state_of(on);
        journal(changes).replay(&mut state).unwrap();
        state
    }

    #[test]
    fn names_that_were_not_touched_keep_what_others_stored() {
        let newer = r#"{"theirs":1,"ours":0,"gone":0}"#;
        assert_eq!(
            replayed([set("ours", "2"), remove("gone")], newer),
            state_of(r#"{"theirs":1,"ours":2}"#)
        );
    }

    #[test]
    fn updates_build_on_what_they_find() {
        assert_eq!(
            replayed([increment("n", None)], r#"{"n":41}"#),
            state_of(r#"{"n":42}"#)
        );
        assert_eq!(replayed([increment("n", None)], "{}"), State::default());
        assert_eq!(
            replayed([increment("n", Some("1")), increment("n", Some("1"))], "{}"),
            state_of(r#"{"n":2}"#)
        );
    }

    #[test]
    fn clear_removes_what_others_stored_too() {
        assert_eq!(
            replayed(
                [set("before", "1"), Change::Clear, set("after", "2")],
                r#"{"x":1}"#
            ),
            state_of(r#"{"after":2}"#)
        );
    }

    #[test]
    fn an_update_that_no_longer_fits_is_an_error_that_names_the_name_only() {
        let mut state = state_of(r#"{"n":"four"}"#);
        let error = journal([increment("n", None)])
            .replay(&mut state)
            .unwrap_err();
        assert_eq!(&*error.name, "n");
        assert!(!format!("{error} {error:?}").contains("four"));
    }

    #[test]
    fn a_loop_over_one_name_does_not_pile_up() {
        let many = (0..1000).map(|n| set("n", &n.to_string()));
        assert_eq!(journal(many).0.len(), 1);
        assert_eq!(
            journal([increment("n", None), increment("n", None), remove("n")])
                .0
                .len(),
            1
        );
        assert_eq!(
            journal([set("a", "1"), increment("b", None), Change::Clear])
                .0
                .len(),
            1
        );
        // An update builds on what stands before it, so both stay.
        assert_eq!(journal([set("n", "1"), increment("n", None)]).0.len(), 2);
    }

    #[test]
    fn appending_keeps_the_order() {
        let mut first = journal([set("n", "1")]);
        first.append(journal([increment("n", None)]));
        let mut state = State::default();
        first.replay(&mut state).unwrap();
        assert_eq!(state, state_of(r#"{"n":2}"#));
    }
}
