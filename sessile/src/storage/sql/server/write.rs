//! Storing a session, again if the outcome of the first attempt is unknown.

use super::{
    Database, DatabaseSessionStore, Fault, Marks, NewRow, StoreError, Written, retry::repeat,
};
use crate::storage::{Refusal, SessionLimit, SignInOutcome, SignInWrite, timing::Deadline};

impl<B: Database> DatabaseSessionStore<B> {
    /// Stores a session, under a limit if it signs in.
    pub(super) async fn write(
        &self,
        write: SignInWrite<'_>,
        limit: Option<SessionLimit>,
    ) -> Result<SignInOutcome, StoreError> {
        let database = self.database()?;
        let row = &NewRow::new(&write, limit);
        let deadline = Deadline::after(self.0.response_timeout);
        // A delayed first attempt to insert the row could restore a session that was deleted since.
        let may_be_resent = write.expected.is_some();
        let mut marks = Marks::of_session(write.record.has_subject());
        let mut was_repeated = false;
        loop {
            let writing = repeat(deadline, may_be_resent, |attempt| {
                database.write(row, marks, attempt)
            });
            let (result, repeated) = writing.await;
            was_repeated |= repeated;
            let written = result.map_err(|fault| fault.into_error(was_repeated))?;
            return match written {
                Written::Stored { displaced } => Ok(SignInOutcome::Stored { displaced }),
                // The mark also ends what an earlier attempt stores.
                Written::SubjectEnded => Ok(SignInOutcome::Refused(Refusal::SubjectEnded)),
                // The stored row may have a subject, which the new one has not.
                Written::NotStored(None) if write.expected.is_some() && marks == Marks::Skip => {
                    marks = Marks::Read;
                    continue;
                }
                // Without a repeat, the reply concerns this attempt alone.
                Written::NotStored(found) if !was_repeated => {
                    Ok(SignInOutcome::not_stored(write.expected, found))
                }
                Written::LimitReached if !was_repeated => {
                    Ok(SignInOutcome::Refused(Refusal::LimitReached))
                }
                // The first attempt may be in progress: the next one finds its version.
                Written::NotStored(found) if found == write.expected && !deadline.has_passed() => {
                    continue;
                }
                // The first attempt may have been stored, and then changed or deleted.
                _ => Err(Fault::Unknown.into()),
            };
        }
    }
}
