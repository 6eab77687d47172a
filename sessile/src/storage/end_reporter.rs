//! [`EndReporter`]: the sessions that a store ended by itself.

use tokio::sync::broadcast::Receiver;

use super::SessionId;
use crate::{
    clock::Timestamp,
    engine::{EndCause, EventKind, EventSender, SessionEvent},
    record::Record,
};

/// Reports the sessions that a store ended by itself as [`SessionEvent`]s: a clean-up deleted them, or there was no room.
///
/// A store has one, which its clones share, and returns it from
/// [`SessionStore::end_reporter`](super::SessionStore::end_reporter). A report costs next to nothing while there is no
/// receiver, and never waits. Don't hold a lock: it wakes the tasks of the receivers.
///
/// ```
/// use sessile::{clock::{Clock, SystemClock}, engine::EndCause, storage::{EndReporter, SessionId}};
///
/// let reporter = EndReporter::default();
/// // A store that has to read what it deletes does so only for a receiver.
/// assert!(!reporter.has_receiver());
/// reporter.report(EndCause::Expired, &SessionId::generate(), None, SystemClock.now());
/// ```
#[derive(Default)]
pub struct EndReporter(EventSender);

impl EndReporter {
    /// Whether events are received at the moment.
    pub fn has_receiver(&self) -> bool {
        self.0.has_receiver()
    }

    /// Reports that a session ended at the time `at`. Its last record, if the store has it, names the user.
    ///
    /// A record that is an entry of a [`RevocationList`](super::RevocationList) is no session, and is not reported.
    pub fn report(&self, cause: EndCause, id: &SessionId, record: Option<&Record>, at: Timestamp) {
        if record.is_some_and(|it| it.is_revocation() || super::migrating::is_placeholder(it)) {
            return;
        }
        self.0.send(|| SessionEvent {
            at,
            kind: EventKind::Ended(cause),
            id: Some(id.clone()),
            subject: record.and_then(Record::subject_name).map(ToOwned::to_owned),
        });
    }

    pub(crate) fn subscribe(&self) -> Receiver<SessionEvent> {
        self.0.subscribe()
    }
}

crate::debug::opaque!(EndReporter);
