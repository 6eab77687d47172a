//! The steps of a schedule, and what a write does to a plain map.

use proptest::prelude::*;
use serde_json::Value;
use sessile::{
    Session,
    error::{SessionClosedError, WriteError},
};

use crate::request::State;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Write {
    Insert(usize, i64),
    Remove(usize),
    Clear,
    Update(usize),
    UpdateOr(usize),
    Renew,
    Purge,
    Restart,
    Discard,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A request begins, with one of the latest cookies or with none.
    Open(usize),
    Write(Write),
    Save,
    Reload,
    Commit,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    let write = prop_oneof![
        6 => (name.clone(), 0..100_i64).prop_map(|(name, value)| Write::Insert(name, value)),
        2 => name.clone().prop_map(Write::Remove),
        1 => Just(Write::Clear),
        4 => name.clone().prop_map(Write::Update),
        4 => name.prop_map(Write::UpdateOr),
        2 => Just(Write::Renew),
        1 => Just(Write::Purge),
        1 => Just(Write::Restart),
        1 => Just(Write::Discard),
    ];
    prop_oneof![
        4 => (0..7_usize).prop_map(Step::Open),
        8 => write.prop_map(Step::Write),
        2 => Just(Step::Save),
        2 => Just(Step::Reload),
        4 => Just(Step::Commit),
    ]
}

impl Write {
    /// Whether it changes a session with this state. A `clear` always does: another request may have put
    /// something there.
    pub(crate) fn changes(self, state: &State) -> bool {
        match self {
            Self::Remove(name) | Self::Update(name) => state.contains_key(NAMES[name]),
            _ => true,
        }
    }

    pub(crate) fn apply(self, state: &mut State) {
        let add_one = |value: &mut Value| *value = (value.as_i64().unwrap() + 1).into();
        match self {
            Self::Insert(name, value) => {
                state.insert(NAMES[name].to_owned(), value.into());
            }
            Self::Remove(name) => {
                state.remove(NAMES[name]);
            }
            Self::Clear => state.clear(),
            Self::Update(name) => {
                state.get_mut(NAMES[name]).map(add_one);
            }
            Self::UpdateOr(name) => {
                let name = NAMES[name].to_owned();
                state.entry(name).and_modify(add_one).or_insert(100.into());
            }
            Self::Renew | Self::Purge | Self::Restart | Self::Discard => {}
        }
    }

    pub(crate) fn perform(self, session: &Session) -> Result<(), SessionClosedError> {
        let values = |done: Result<(), WriteError>| match done {
            Ok(()) => Ok(()),
            Err(WriteError::Closed(reason)) => Err(reason),
            Err(other) => panic!("{other:?}"),
        };
        match self {
            Self::Insert(name, value) => {
                values(session.insert(NAMES[name], value).map_err(|it| it.source))
            }
            Self::Remove(name) => values(session.try_remove(NAMES[name]).map(drop)),
            Self::Clear => values(session.try_clear()),
            Self::Update(name) => {
                let updated = session.update(NAMES[name], |n: i64| n + 1);
                values(updated.map_err(|it| it.source))
            }
            Self::UpdateOr(name) => {
                let updated = session.update_or(NAMES[name], 100, |n: i64| n + 1);
                values(updated.map_err(|it| it.source))
            }
            Self::Renew => session.try_renew(),
            Self::Purge => session.try_purge(),
            Self::Restart => session.restart(),
            Self::Discard => {
                session.discard();
                Ok(())
            }
        }
    }
}
