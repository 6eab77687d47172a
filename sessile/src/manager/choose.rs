//! Choosing among the sessions that several cookies name.

use super::{
    Engine, Opened,
    open::{Found, MAX_LOADS},
};
use crate::{
    cookie::Unsealed, failure::OpenError, id::SessionId, session::machine::Binding,
    storage::SessionStore, telemetry,
};

impl<S: SessionStore> Engine<S> {
    /// Loads the sessions that these cookies name, and chooses the one that counts.
    pub(super) async fn choose(&self, candidates: &[Unsealed]) -> Result<Opened, OpenError> {
        let mut others = Vec::new();
        let mut found = Vec::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let id = candidate.content.id().clone();
            if index >= MAX_LOADS {
                others.push(id);
                continue;
            }
            match self.find_one(&candidate.content).await? {
                Found::Session(binding) => {
                    others.push(id.clone());
                    found.push((id, binding));
                }
                Found::Expired => others.push(id),
                Found::Nothing => {}
            }
        }
        let chosen = choose(found);
        others.retain(|other| chosen.as_ref().is_none_or(|(id, _)| id != other));
        Ok(Opened {
            binding: chosen.map_or(Binding::New, |(_, binding)| binding),
            others,
        })
    }
}

/// Of several sessions the one that counts.
fn choose(found: Vec<(SessionId, Binding)>) -> Option<(SessionId, Binding)> {
    let (live, mut stale): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|(_, binding)| matches!(binding, Binding::Stored(_)));
    let is_signed_in = |(_, binding): &(SessionId, Binding)| match binding {
        Binding::Stored(stored) => stored.record.has_subject(),
        _ => false,
    };
    let (mut signed_in, mut guests): (Vec<_>, Vec<_>) = live.into_iter().partition(is_signed_in);
    match (signed_in.len(), guests.len()) {
        (1, _) => signed_in.pop(),
        (0, 1) => guests.pop(),
        (0, 0) if stale.is_empty() => None,
        (0, 0) => Some(stale.swap_remove(0)),
        _ => {
            telemetry::cookie_rejected("several cookies name different live sessions");
            None
        }
    }
}
