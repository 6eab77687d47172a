//! The sessions of a subject.

use rusqlite::{Connection, Row, params};

use super::{
    CreateOutcome, Loaded, Refusal, SessionId, SqliteSessionStore, StoreError, SubjectDigest,
    UpdateOutcome,
    marks::{EndEverything, EndSubject, IsRevoked, has_ended},
    queue::Operation,
    statements::{Create, Delete, Update, Write, atomically, current_version, decode, integer},
};
use crate::{
    clock::Timestamp,
    storage::{AtLimit, EndOutcome, Kept, SessionLimit, SignInOutcome, SignInWrite, SubjectStore},
};

/// Binds the subject as ?1, and the time as ?2.
pub(super) const LIST: &str = "
    SELECT version, record, id FROM sessile_sessions
    WHERE subject = ?1 AND expires_at > ?2 ORDER BY signed_in_at, slot";

/// Binds the subject as ?1, the time as ?2, and the id of a session that is left out as ?3.
pub(super) const LIST_OTHERS: &str = "
    SELECT id FROM sessile_sessions
    WHERE subject = ?1 AND expires_at > ?2 AND id <> ?3 ORDER BY signed_in_at, slot";

/// Binds the label as ?1, and the time as ?2.
pub(super) const FIND_BY_LABEL: &str =
    "SELECT id FROM sessile_sessions WHERE label = ?1 AND expires_at > ?2";

/// Stores a session that signs in, under a limit.
struct SignIn {
    session: SignsIn,
    limit: SessionLimit,
}

enum SignsIn {
    New(Create),
    Existing(Update),
}

impl Operation for SignIn {
    type Outcome = SignInOutcome;

    fn execute(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<SignInOutcome> {
        let (write, expected) = match &self.session {
            SignsIn::New(Create(write)) => (write, None),
            SignsIn::Existing(Update { expected, write }) => (write, Some(*expected)),
        };
        if has_ended(connection, write)? {
            return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let version = current_version(connection, &write.id, now)?;
        let repeated = SignInOutcome::Stored {
            displaced: Vec::new(),
        };
        match (version, expected) {
            (Some(version), _) if version == write.version => return Ok(repeated),
            (Some(_), None) => return Ok(SignInOutcome::Taken),
            (None, Some(_)) => return Ok(SignInOutcome::Missing),
            (version, expected) if version != expected => return Ok(SignInOutcome::Conflict),
            _ => {}
        }
        let subject = write.subject.as_ref().map(SubjectDigest::as_bytes);
        let mut others = connection.prepare_cached(LIST_OTHERS)?;
        let others = others.query_map(params![subject, integer(now), write.id], id_of)?;
        let others: Vec<SessionId> = others.collect::<Result<_, _>>()?;
        let max = usize::try_from(self.limit.max()).unwrap_or(usize::MAX);
        let excess = (others.len() + 1).saturating_sub(max);
        if excess > 0 && self.limit.at_limit() == AtLimit::RefuseNew {
            return Ok(SignInOutcome::Refused(Refusal::LimitReached));
        }
        let displaced = &others[..excess];
        atomically(connection, || {
            let outcome = match &self.session {
                SignsIn::New(create) => match create.execute(connection, now)? {
                    CreateOutcome::Created => None,
                    // By another session with the same slot.
                    _ => Some(SignInOutcome::Taken),
                },
                SignsIn::Existing(update) => match update.execute(connection, now)? {
                    UpdateOutcome::Updated => None,
                    _ => Some(SignInOutcome::Conflict),
                },
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            for id in displaced {
                let id = *id.as_bytes();
                Delete { id }.execute(connection, now)?;
            }
            Ok(SignInOutcome::Stored {
                displaced: displaced.to_vec(),
            })
        })
    }
}

struct List(SubjectDigest);

impl Operation for List {
    type Outcome = Result<Vec<(SessionId, Loaded)>, StoreError>;

    fn execute(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<Self::Outcome> {
        let mut statement = connection.prepare_cached(LIST)?;
        let mut rows = statement.query(params![self.0.as_bytes(), integer(now)])?;
        let mut sessions = Vec::new();
        while let Some(row) = rows.next()? {
            match decode(row)? {
                Ok(loaded) => sessions.push((id_of(row)?, loaded)),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(sessions))
    }
}

struct FindByLabel(String);

impl Operation for FindByLabel {
    type Outcome = Result<Vec<SessionId>, StoreError>;

    fn execute(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<Self::Outcome> {
        let mut statement = connection.prepare_cached(FIND_BY_LABEL)?;
        let ids = statement.query_map(params![self.0, integer(now)], id_of)?;
        ids.collect::<Result<_, _>>().map(Ok)
    }
}

impl SubjectStore for SqliteSessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        if !write.record.has_subject() {
            return Err(StoreError::without_subject());
        }
        let row = Write::new(write.id, write.record, write.version, write.ttl);
        let session = match write.expected {
            None => SignsIn::New(Create(row)),
            Some(expected) => SignsIn::Existing(Update {
                expected,
                write: row,
            }),
        };
        self.0.queue.execute(SignIn { session, limit }).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        self.read(List(*subject)).await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.read(FindByLabel(label.to_owned())).await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let end = EndSubject {
            subject: *subject,
            now,
            kept: kept.map(|kept| *kept.id.as_bytes()),
        };
        self.0.queue.execute(end).await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let question = IsRevoked {
            id: *id.as_bytes(),
            subject: subject.copied(),
            since,
        };
        self.read(question).await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.0.queue.execute(EndEverything { now }).await
    }
}

/// The id in a row that has one.
pub(super) fn id_of(row: &Row<'_>) -> rusqlite::Result<SessionId> {
    row.get("id").map(SessionId::from_bytes)
}
