//! The record that takes the place of a session that was moved to another id.

use super::Record;
use crate::{clock::Timestamp, record::id::SessionId};

/// The names under which the state of such a record has the other id: as an id, or as a key that is id and secret at
/// once.
const ID: &str = "moved_to";
const KEY: &str = "moved_to_key";

impl Record {
    /// Remembers the id that the session has now.
    pub(crate) fn move_to(&mut self, id: &SessionId) {
        let (name, text) = match id.actix_session_key() {
            Some(key) => (KEY, key.to_owned()),
            None => (ID, id.to_string()),
        };
        // This can't fail: every string has a JSON form.
        let _ = self.state.insert(name, &text);
    }

    /// The id that the session has now, if it was moved.
    pub(crate) fn moved_to(&self) -> Option<SessionId> {
        let text = |name| self.state.get::<String>(name).ok().flatten();
        match text(KEY) {
            Some(key) => Some(SessionId::of_actix_session(&key)),
            None => text(ID)?.parse().ok(),
        }
    }

    /// Whether the session was moved, and the old key can still end it at `now`.
    pub(crate) fn is_moved_at(&self, now: Timestamp) -> bool {
        now < self.ends_at && self.moved_to().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_record_names_the_other_id_until_it_ends() {
        let at = Timestamp::from_unix_millis;
        for id in [SessionId::generate(), SessionId::of_actix_session("a key")] {
            let mut record = Record::new(at(1000));
            assert_eq!(record.moved_to(), None);
            record.ends_at = at(2000);
            record.move_to(&id);
            let record = Record::decode(record.encode().as_bytes()).unwrap();
            assert_eq!(record.moved_to(), Some(id));
            assert!(record.is_moved_at(at(1999)) && !record.is_moved_at(at(2000)));
        }
    }
}
