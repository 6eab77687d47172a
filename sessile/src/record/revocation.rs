//! The entries of a [`RevocationList`](crate::storage::RevocationList).

use super::Record;
use crate::clock::Timestamp;

impl Record {
    /// The entry of an ended session. It has no subject, and its sign-in is later than every mark, so that none ends it.
    pub(crate) fn revocation(now: Timestamp) -> Self {
        let mut record = Self::new(now);
        record.details_mut().signed_in_at = Some(Timestamp::MAX);
        record
    }

    /// Whether this is the entry of an ended session.
    pub(crate) fn is_revocation(&self) -> bool {
        !self.has_subject() && self.signed_in_at() == Some(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_after_it_was_stored() {
        let entry = Record::revocation(Timestamp::from_unix_millis(1000));
        let entry = Record::decode(entry.encode().as_bytes()).unwrap();
        assert!(entry.is_revocation());
        assert!(!Record::new(Timestamp::from_unix_millis(1000)).is_revocation());
    }
}
