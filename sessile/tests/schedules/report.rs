//! [`Report`]: what a request did, and the results that it got.

use sessile::storage::SessionId;

/// The outcome of a change, as the request knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Fate {
    /// The request got no answer, or an error that leaves the outcome open.
    #[default]
    Unknown,
    /// It was stored, in the session with this id if there is one.
    Acknowledged(Option<SessionId>),
    /// It was not stored.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Name,
    Increment,
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) fate: Fate,
    /// Whether the session still has it, and the next reply decides its outcome.
    is_pending: bool,
    /// Whether an attempt to store it failed.
    was_tried: bool,
}

/// What a request did, and the results that it got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) changes: Vec<Change>,
    pub(crate) renewal: Option<Fate>,
    pub(crate) ending: Option<Fate>,
    /// The cookie of the response.
    pub(crate) cookie: Option<String>,
    pub(crate) status: Option<u16>,
}

impl Report {
    pub(crate) fn ask(&mut self, kind: ChangeKind) {
        self.changes.push(Change {
            kind,
            fate: Fate::Unknown,
            is_pending: true,
            was_tried: false,
        });
    }

    /// Sets the outcome of the changes that the session still has.
    pub(crate) fn settle(&mut self, fate: &Fate) {
        for change in self.changes.iter_mut().filter(|it| it.is_pending) {
            change.is_pending = false;
            // An earlier attempt may have stored changes that were refused in the end.
            if !(change.was_tried && *fate == Fate::Refused) {
                change.fate = fate.clone();
            }
        }
    }

    /// The session other than `old` that has changes of the request.
    pub(crate) fn new_session(&self, old: &SessionId) -> Option<SessionId> {
        self.changes.iter().find_map(|change| match &change.fate {
            Fate::Acknowledged(Some(id)) if id != old => Some(id.clone()),
            _ => None,
        })
    }

    /// How many increments may be stored or not.
    pub(crate) fn unknown_increments(&self) -> usize {
        let is_unknown =
            |it: &&Change| it.kind == ChangeKind::Increment && it.fate == Fate::Unknown;
        self.changes.iter().filter(is_unknown).count()
    }

    /// An attempt to store the changes failed.
    pub(crate) fn tried(&mut self) {
        for change in self.changes.iter_mut().filter(|it| it.is_pending) {
            change.was_tried = true;
        }
    }

    /// The session has dropped the changes whose outcome is unknown.
    pub(crate) fn drop_pending(&mut self) {
        for change in &mut self.changes {
            change.is_pending = false;
        }
    }
}
