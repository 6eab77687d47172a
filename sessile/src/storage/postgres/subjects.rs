//! [`SubjectDatabase`] on PostgreSQL.

use super::{
    SessionId, SubjectDigest, Version,
    database::{Postgres, version_of},
    statements::{Found, Rows},
    subject_statements::sign_in,
};
use crate::storage::{
    SessionLimit,
    sql::{AfterCut, Answer, Ended, Failure, NewRow, Row, SignIn, SubjectDatabase},
    timing::Deadline,
};

impl SubjectDatabase for Postgres {
    async fn sign_in(
        &self,
        expected: Option<Version>,
        row: &NewRow<'_>,
        limit: SessionLimit,
        deadline: Deadline,
    ) -> Result<Answer<SignIn>, Failure> {
        let sign_in = self.statements.of_subjects.sign_in(expected, row, limit);
        let after_cut = match expected {
            Some(_) => AfterCut::Resend,
            None => AfterCut::Fail,
        };
        let answer = self.connections.run(&sign_in, after_cut, deadline).await?;
        Ok(answer.map(only).map(|found| match found.first {
            Some(sign_in::STORED) => SignIn::Stored {
                displaced: ids(found.text.as_deref()),
            },
            Some(sign_in::SUBJECT_ENDED) => SignIn::SubjectEnded,
            Some(sign_in::LIMIT_REACHED) => SignIn::LimitReached,
            _ => SignIn::NotStored(version_of(found.second)),
        }))
    }

    async fn list(
        &self,
        subject: &SubjectDigest,
        deadline: Deadline,
    ) -> Result<Answer<Vec<(SessionId, Row)>>, Failure> {
        let list = self.statements.of_subjects.list(subject);
        let listing = self.connections.run(&list, AfterCut::Resend, deadline);
        Ok(listing.await?.map(sessions))
    }

    async fn find_by_label(
        &self,
        label: &str,
        deadline: Deadline,
    ) -> Result<Answer<Vec<SessionId>>, Failure> {
        let find = self.statements.of_subjects.find_by_label(label);
        let finding = self.connections.run(&find, AfterCut::Resend, deadline);
        Ok(finding.await?.map(|rows| ids(only(rows).text.as_deref())))
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: i64,
        kept: Option<&SessionId>,
        deadline: Deadline,
    ) -> Result<Answer<Option<Ended>>, Failure> {
        let end = self.statements.of_subjects.end_subject(subject, now, kept);
        let ending = self.connections.run(&end, AfterCut::Resend, deadline);
        Ok(ending.await?.map(only).map(|found| {
            Some(Ended {
                at: found.first?,
                ids: ids(found.text.as_deref()),
            })
        }))
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        deadline: Deadline,
    ) -> Result<Answer<bool>, Failure> {
        let question = self.statements.of_subjects.is_revoked(id, subject, since);
        let asking = self.connections.run(&question, AfterCut::Resend, deadline);
        Ok(asking.await?.map(|rows| only(rows).first == Some(1)))
    }

    async fn mark_everything(&self, now: i64, deadline: Deadline) -> Result<Answer<i64>, Failure> {
        let mark = self.statements.of_subjects.mark_everything(now);
        let marking = self.connections.run(&mark, AfterCut::Resend, deadline);
        Ok(marking.await?.map(|rows| only(rows).first.unwrap_or(now)))
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        deadline: Deadline,
    ) -> Result<Answer<Option<SessionId>>, Failure> {
        let delete = self.statements.of_subjects.delete_all(after, at);
        let deleting = self.connections.run(&delete, AfterCut::Resend, deadline);
        Ok(deleting
            .await?
            .map(|rows| ids(only(rows).text.as_deref()).pop()))
    }
}

/// The sessions in rows that have the version, and the id followed by the record.
pub(super) fn sessions(rows: Rows) -> Vec<(SessionId, Row)> {
    let session = |found: Found| {
        let text = found.text?;
        let (id, record) = text.split_at_checked(ID_DIGITS)?;
        let row = Row {
            version: version_of(found.first)?,
            is_unchecked: false,
            record: record.as_bytes().to_vec(),
        };
        Some((id_of(id.as_bytes())?, row))
    };
    rows.into_iter().filter_map(session).collect()
}

/// The first row, and mostly the only one.
pub(super) fn only(rows: Rows) -> Found {
    rows.into_iter().next().unwrap_or_default()
}

/// The length of an id in hexadecimal digits.
const ID_DIGITS: usize = 2 * SessionId::LEN;

/// The ids in a text.
fn ids(text: Option<&str>) -> Vec<SessionId> {
    let digits = text.unwrap_or_default().as_bytes();
    digits.chunks(ID_DIGITS).filter_map(id_of).collect()
}

fn id_of(digits: &[u8]) -> Option<SessionId> {
    let mut bytes = [0; SessionId::LEN];
    if digits.len() != ID_DIGITS {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(SessionId::from_bytes(bytes))
}
