//! [`Group`]: sessions that are found together.

use crate::{
    record::{Record, id::encode_16},
    storage::SubjectDigest,
};

/// Sessions that are found together, by an index of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Group {
    /// The sessions of a subject.
    Subject(SubjectDigest),
    /// The sessions with a lookup label, by its digest.
    Label(SubjectDigest),
    /// All sessions. Only the mark of this group is kept.
    All,
}

impl Group {
    /// The sessions with this lookup label.
    pub(super) fn labelled(label: &str) -> Self {
        // A label is any text, like a subject.
        Self::Label(SubjectDigest::of(label))
    }

    /// The groups that a session with this record is found in.
    pub(super) fn of(record: &Record) -> impl Iterator<Item = Self> {
        let subject = record.subject().map(Self::Subject);
        let label = record.label().map(Self::labelled);
        subject.into_iter().chain(label)
    }

    /// Whether a session with this record is in the group.
    pub(super) fn has(self, record: &Record) -> bool {
        Self::of(record).any(|group| group == self)
    }

    /// The text that the Redis keys of the group are made from. In a cluster, the braces keep them on one node.
    pub(super) fn text(self) -> String {
        let (kind, digest) = match self {
            Self::Subject(digest) => ("subject", digest),
            Self::Label(digest) => ("label", digest),
            Self::All => return "all:{all}".to_owned(),
        };
        let mut buffer = [0; 22];
        format!("{kind}:{{{}}}", encode_16(digest.as_bytes(), &mut buffer))
    }
}
