//! [`Payload`]: the part of a record that requests change.

use std::sync::Arc;

use super::{Details, Record, State};

/// The part of a record that requests change: the state, and what only some records have. The engine sets the rest.
#[derive(Clone, Default)]
pub(crate) struct Payload {
    pub(crate) state: State,
    /// `None` is the same as no details.
    pub(super) details: Option<Arc<Details>>,
}

impl Payload {
    pub(crate) const fn of_state(state: State) -> Self {
        Self {
            state,
            details: None,
        }
    }

    /// What only some records have, if this one has any of it.
    pub(crate) fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    pub(crate) fn details_mut(&mut self) -> &mut Details {
        Arc::make_mut(self.details.get_or_insert_default())
    }

    /// The user that the session is signed in as.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.details()?.subject.as_deref()
    }

    /// Whether nothing needs to be stored: there are no values, and no user is signed in.
    pub(crate) fn is_empty(&self) -> bool {
        let has_use = |details: &Details| details.subject.is_some() || !details.flashes.is_empty();
        self.state.is_empty() && !self.details().is_some_and(has_use)
    }

    /// Frees details that say nothing.
    pub(crate) fn drop_empty_details(&mut self) {
        self.details
            .take_if(|details| **details == Details::default());
    }
}

impl Record {
    pub(crate) fn payload(&self) -> Payload {
        Payload {
            state: self.state.clone(),
            details: self.details.clone(),
        }
    }

    pub(crate) fn set_payload(&mut self, payload: Payload) {
        let Payload { state, details } = payload;
        self.state = state;
        self.details = details;
    }
}
