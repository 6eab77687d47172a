//! Judging whether the keys in a request's cookies open the session that is stored.

use super::Engine;
use crate::{
    clock::Timestamp,
    cookie::{Content, Unsealed},
    record::{Presented, id::SessionKey},
    storage::{Loaded, SessionStore},
};

/// Whether a key opens a stored session. The best judgement comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Judgement {
    /// It opens the session, and the next write makes it the current one.
    Pending,
    /// It opens the session.
    Current,
    /// It opens the session, and the response carries a newer one.
    Former,
    /// It would open the session, which has expired.
    Expired,
    /// A renewal replaced it: it can only end the session.
    Stale,
    /// It is not a key of the session.
    Unknown,
}

impl<S: SessionStore> Engine<S> {
    /// The best judgement of the keys in `cookies`, the key that has it, and whether actix-session sealed that cookie.
    pub(super) fn judge_all<'a>(
        &self,
        cookies: &'a [Unsealed],
        loaded: &Loaded,
        presented_at: Timestamp,
    ) -> (Judgement, Option<&'a SessionKey>, bool) {
        let judged = cookies.iter().filter_map(|it| match &it.content {
            Content::Key(key) => Some((
                self.judge(key, loaded, presented_at),
                Some(key),
                it.is_outdated,
            )),
            Content::Record(..) => None,
        });
        // Of equal ones, `min_by_key` selects the first, which was issued last.
        let best = judged.min_by_key(|(judgement, ..)| *judgement);
        best.unwrap_or((Judgement::Unknown, None, false))
    }

    fn judge(&self, key: &SessionKey, loaded: &Loaded, at: Timestamp) -> Judgement {
        let judgement = match (&key.secret, &loaded.record.secrets) {
            (None, None) => Judgement::Current,
            // A renewal moved the session, and left this record for the grace period.
            (None, Some(_)) if loaded.record.is_moved_at(at) => return Judgement::Stale,
            (Some(secret), Some(secrets)) => {
                match secrets.judge(&secret.digest(), at, self.secrets.grace) {
                    Presented::Current => Judgement::Current,
                    Presented::Pending => Judgement::Pending,
                    Presented::Former => Judgement::Former,
                    Presented::Stale => return Judgement::Stale,
                    Presented::Unknown => return Judgement::Unknown,
                }
            }
            (None, Some(_)) | (Some(_), None) => return Judgement::Unknown,
        };
        match self.lifetime.has_ended(&loaded.record, at) {
            true => Judgement::Expired,
            false => judgement,
        }
    }
}
