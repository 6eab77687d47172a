//! [`Marks`]: which sessions of a subject have ended, whatever is stored of them.

use redis::Value;

use super::{
    super::{RedisSessionStore, error::Fault, near::Watched, request::Request},
    group::Group,
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{Loaded, SessionId, StoreError, StoreErrorKind, SubjectDigest},
};

/// All sessions of a group that signed in until this time have ended, except one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    at: Timestamp,
    kept: Option<SessionId>,
}

/// The marks that concern the sessions of one subject.
#[derive(Default)]
pub(in super::super) struct Marks {
    of_subject: Option<Mark>,
    of_all: Option<Mark>,
    /// The keys of the marks, by which the near cache detects that they have not changed.
    pub(in super::super) watched: Option<[Watched; 2]>,
}

impl Mark {
    /// The mark that a script wrote: its time, and the id of the session that is kept, if any.
    pub(super) fn parse(value: &Value) -> Result<Option<Self>, StoreError> {
        let text = match value {
            Value::Nil => return Ok(None),
            Value::BulkString(text) => text,
            _ => return Err(Fault::UnexpectedReply.into()),
        };
        let parsed = std::str::from_utf8(text).ok().and_then(|text| {
            let (at, kept) = text.split_once(' ')?;
            let kept = match kept {
                "" => None,
                id => Some(id.parse().ok()?),
            };
            let at = Timestamp::from_unix_millis(at.parse().ok()?);
            Some(Self { at, kept })
        });
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "the value is not a mark");
        parsed.map(Some).ok_or_else(corrupt)
    }

    fn has_ended(&self, id: &SessionId, signed_in_at: Timestamp) -> bool {
        signed_in_at <= self.at && self.kept.as_ref() != Some(id)
    }
}

impl Marks {
    pub(super) fn of_subject(mark: Option<Mark>) -> Self {
        Self {
            of_subject: mark,
            ..Self::default()
        }
    }

    /// The marks with these values.
    pub(super) fn parse([of_subject, of_all]: [Value; 2]) -> Result<Self, StoreError> {
        let value = |value: Value| value.extract_error().map_err(Fault::from);
        Ok(Self {
            of_subject: Mark::parse(&value(of_subject)?)?,
            of_all: Mark::parse(&value(of_all)?)?,
            watched: None,
        })
    }

    /// Whether a mark has ended the session with this record.
    pub(in super::super) fn have_ended(&self, id: &SessionId, record: &Record) -> bool {
        match record.signed_in_at() {
            Some(signed_in_at) if record.has_subject() => self.have_ended_since(id, signed_in_at),
            _ => false,
        }
    }

    pub(super) fn have_ended_since(&self, id: &SessionId, since: Timestamp) -> bool {
        let mut marks = [&self.of_subject, &self.of_all].into_iter().flatten();
        marks.any(|mark| mark.has_ended(id, since))
    }
}

impl RedisSessionStore {
    /// The session, and at the same time the marks of `subject`, whose session it should be.
    pub(in super::super) async fn load_signed_in(
        &self,
        redis_key: &str,
        id: &SessionId,
        subject: &SubjectDigest,
    ) -> Result<Option<Loaded>, StoreError> {
        let (loaded, marks) = tokio::try_join!(self.fetch(redis_key, id), self.marks_of(subject))?;
        match loaded {
            Some(loaded) => self.unless_ended(id, loaded, Some((subject, marks))).await,
            None => Ok(None),
        }
    }

    /// The session, unless a mark has ended it. The marks of one subject were `read` already.
    pub(in super::super) async fn unless_ended(
        &self,
        id: &SessionId,
        loaded: Loaded,
        read: Option<(&SubjectDigest, Marks)>,
    ) -> Result<Option<Loaded>, StoreError> {
        let marks = self.marks_on(&loaded.record, read).await?;
        Ok((!marks.have_ended(id, &loaded.record)).then_some(loaded))
    }

    /// The marks that concern a session with this record, of which those of one subject were `read` already.
    pub(in super::super) async fn marks_on(
        &self,
        record: &Record,
        read: Option<(&SubjectDigest, Marks)>,
    ) -> Result<Marks, StoreError> {
        match (record.subject(), read) {
            (None, _) => Ok(Marks::default()),
            (Some(subject), Some((hint, marks))) if subject == *hint => Ok(marks),
            (Some(subject), _) => self.marks_of(&subject).await,
        }
    }

    /// The marks of a subject.
    pub(in super::super) async fn marks_of(
        &self,
        subject: &SubjectDigest,
    ) -> Result<Marks, StoreError> {
        let ((of_subject, subject_watched), (of_all, all_watched)) = tokio::try_join!(
            self.read_mark(Group::Subject(*subject)),
            self.read_mark(Group::All),
        )?;
        Ok(Marks {
            of_subject,
            of_all,
            watched: subject_watched.zip(all_watched).map(<[Watched; 2]>::from),
        })
    }

    /// Whether a session that is not stored has ended. All commands are sent at the same time.
    pub(super) async fn has_entry_or_mark(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let redis_key = self.redis_key(id);
        let request = Request::get(&redis_key);
        let marks = async {
            match subject {
                Some(subject) => self.marks_of(subject).await,
                None => Ok(Marks {
                    of_all: self.read_mark(Group::All).await?.0,
                    ..Marks::default()
                }),
            }
        };
        let (entry, marks) = tokio::try_join!(self.connection.send(&request), marks)?;
        Ok(entry.value != Value::Nil || marks.have_ended_since(id, since))
    }

    /// The mark of a group, and its key, by which the near cache detects that it has not changed.
    pub(super) async fn read_mark(
        &self,
        group: Group,
    ) -> Result<(Option<Mark>, Option<Watched>), StoreError> {
        let redis_key = self.mark_key(group);
        let near_cache = self.near_cache.as_ref();
        let read = near_cache.map(|near_cache| near_cache.begin_read(&redis_key));
        let request = Request::get(&redis_key);
        let reply = Box::pin(self.connection.send(&request)).await?;
        let watched = read.zip(reply.provenance);
        let watched = watched.map(|(read, provenance)| Watched::new(read, provenance));
        Ok((Mark::parse(&reply.value)?, watched))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId::from_bytes([0; 16]);
    const OTHER: SessionId = SessionId::from_bytes([1; 16]);

    fn parse(text: &str) -> Result<Option<Mark>, StoreErrorKind> {
        Mark::parse(&Value::BulkString(text.into())).map_err(|error| error.kind())
    }

    fn time(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn a_mark_is_a_time_and_an_exception() {
        let all = parse("7 ").unwrap().unwrap();
        let one = parse("7 AAAAAAAAAAAAAAAAAAAAAA").unwrap().unwrap();
        for (signed_in_at, by_first, by_second) in
            [(6, true, false), (7, true, false), (8, false, false)]
        {
            assert_eq!(all.has_ended(&ID, time(signed_in_at)), by_first);
            assert_eq!(one.has_ended(&ID, time(signed_in_at)), by_second);
            assert_eq!(one.has_ended(&OTHER, time(signed_in_at)), by_first);
        }
        assert_eq!(Mark::parse(&Value::Nil).unwrap(), None);
        for text in ["", "7", "x ", "7 x", "-1 ", " AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(parse(text), Err(StoreErrorKind::Corrupt), "{text}");
        }
    }
}
