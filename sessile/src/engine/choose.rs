//! Choosing among the sessions that several cookies name.
//!
//! If exactly one live session has a subject, it counts. If none has one and there is exactly one live session, that one
//! counts. Otherwise none counts, because the engine can't tell which one the visitor means. A purge ends all of them, up to
//! [`MAX_ENDED`].

use std::{cmp::Reverse, sync::atomic::Ordering::Relaxed};

use super::{Engine, Opened, open::by_session};
use crate::{
    clock::Timestamp,
    cookie::Unsealed,
    error::OpenError,
    record::id::SessionId,
    session::machine::{Binding, Target},
    storage::SessionStore,
    telemetry,
};

/// The maximum number of sessions that one request loads. Browsers send several cookies of one name only if
/// the cookies were set for different paths or domains.
const MAX_LOADS: usize = 3;

/// The maximum number of sessions that a purge ends, one after another. The signed-in ones and the newest come first.
pub(super) const MAX_ENDED: usize = 16;

impl<S: SessionStore> Engine<S> {
    /// Loads the sessions that these cookies name, and chooses the one that counts.
    pub(super) async fn choose(
        &self,
        candidates: &[Unsealed],
        presented_at: Timestamp,
    ) -> Result<Opened, OpenError> {
        let mut others = Vec::new();
        let mut found = Vec::new();
        for (index, cookies) in by_session(candidates).take(MAX_ENDED).enumerate() {
            if index >= MAX_LOADS {
                others.push(Target::Unjudged(cookies.into(), presented_at));
                continue;
            }
            let id = cookies[0].content.id().clone();
            let opened = self.find_one(cookies, presented_at).await?;
            others.extend(opened.others);
            if !matches!(opened.binding, Binding::New) {
                found.push(Candidate {
                    id,
                    binding: opened.binding,
                    is_outdated: opened.is_outdated,
                });
            }
        }
        let chosen = choose(&found).map(|index| found.swap_remove(index));
        if chosen.is_none() && !found.is_empty() {
            let is_first = !self.has_warned_of_cookies.swap(true, Relaxed);
            telemetry::cookies_ambiguous(is_first);
        }
        others.extend(found.into_iter().map(|it| it.target()));
        Ok(match chosen {
            Some(candidate) => Opened {
                binding: candidate.binding,
                is_outdated: candidate.is_outdated,
                others,
            },
            None => Opened {
                others,
                ..Opened::default()
            },
        })
    }
}

/// A session that cookies of the request open.
struct Candidate {
    id: SessionId,
    binding: Binding,
    is_outdated: bool,
}

impl Candidate {
    /// The session to end if a purge follows.
    fn target(self) -> Target {
        Target::Session(match self.binding {
            Binding::Stale { id, .. } => id,
            _ => self.id,
        })
    }
}

/// Puts the cookies of one session next to each other. The sessions of signed-in users come first, and then those whose
/// cookies were issued last.
pub(super) fn sort(cookies: &mut [Unsealed]) {
    cookies.sort_by_key(|it| (!it.content.is_signed_in(), Reverse(it.issued_at)));
    let mut ids: Vec<SessionId> = Vec::new();
    cookies.sort_by_cached_key(|it| {
        let id = it.content.id();
        let known = ids.iter().position(|known| known == id);
        known.unwrap_or_else(|| {
            ids.push(id.clone());
            ids.len() - 1
        })
    });
}

/// The index of the session that the request gets.
fn choose(found: &[Candidate]) -> Option<usize> {
    let (mut signed_in, mut guests, mut stale) = (Vec::new(), Vec::new(), Vec::new());
    for (index, candidate) in found.iter().enumerate() {
        match &candidate.binding {
            Binding::Stored(stored) if stored.record.has_subject() => signed_in.push(index),
            Binding::Stored(_) => guests.push(index),
            _ => stale.push(index),
        }
    }
    match (&*signed_in, &*guests, &*stale) {
        ([only], _, _) | ([], [only], _) | ([], [], [only, ..]) => Some(*only),
        _ => None,
    }
}
