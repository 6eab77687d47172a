//! A reading pass: the sessions that an index names, compared with what is stored.

use super::{
    super::{
        RedisSessionStore,
        error::Fault,
        scan::AT_ONCE,
        script::{ENTRIES, FORGET},
    },
    group::Group,
    marks::Marks,
    reservation::{Reservation, Written},
};
use crate::{
    clock::Timestamp,
    storage::{Loaded, SessionId, StoreError, StoreErrorKind},
};
use futures_util::future::try_join_all;

/// The result of a reading pass.
#[derive(Default)]
pub(super) struct Pass {
    /// The live sessions, in the order in which they signed in.
    pub(super) live: Vec<(SessionId, Loaded)>,
    /// The other sessions that are live, or may be: their records can't be decoded, for these reasons.
    pub(super) unreadable: Vec<(SessionId, StoreError)>,
    /// The sessions that it deleted.
    pub(super) ended: Vec<SessionId>,
}

/// A session in an index.
pub(super) struct Entry {
    id: SessionId,
    /// When it signed in, as the script returns it. Empty if the session has to be deleted.
    signed_in_at: String,
    is_new: bool,
}

impl Entry {
    /// Whether its session has to be deleted, because another one has its place.
    pub(super) fn is_displaced(&self) -> bool {
        self.signed_in_at.is_empty()
    }

    /// Whether `marks` have ended its session. The record can't be decoded, and the session signed in at the time in the
    /// index or earlier.
    fn has_ended(&self, marks: &Marks) -> bool {
        let millis = self.signed_in_at.parse().map(Timestamp::from_unix_millis);
        millis.is_ok_and(|at| marks.have_ended_since(&self.id, at))
    }

    /// Whether a write of its session has ended, or was given up.
    pub(super) fn is_settled(&self) -> bool {
        !self.is_new
    }
}

/// The stored session of an [`Entry`].
enum Found {
    Live(Loaded),
    /// It had to be deleted, and was.
    Ended,
    /// It is missing, or belongs to another group by now.
    Gone,
    /// Its record can't be decoded.
    Unreadable(StoreError),
    /// A write may still be storing it.
    Unclear,
}

impl RedisSessionStore {
    /// Reads the sessions of a group. Deletes those that a mark or a limit has ended, and removes
    /// entries of sessions that no longer exist.
    pub(super) async fn read(&self, group: Group) -> Result<Pass, StoreError> {
        self.read_those(group, |_| true).await
    }

    /// As [`read`](Self::read), for those sessions whose entries are `chosen`.
    pub(super) async fn read_those(
        &self,
        group: Group,
        chosen: fn(&Entry) -> bool,
    ) -> Result<Pass, StoreError> {
        let mut entries = self.entries(group).await?;
        entries.retain(chosen);
        let marks = match group {
            Group::Subject(subject) if !entries.is_empty() => Some(self.marks_of(&subject).await?),
            _ => None,
        };
        let mut pass = Pass::default();
        for entries in entries.chunks(AT_ONCE) {
            let finding = entries
                .iter()
                .map(|entry| self.find(group, entry, marks.as_ref()));
            let found = try_join_all(finding).await?;
            let mut forgotten = Vec::new();
            for (entry, found) in entries.iter().zip(found) {
                match found {
                    Found::Live(loaded) => {
                        if entry.is_new {
                            let reservation = Reservation::read(group);
                            let settling = self.settle(&entry.id, &reservation, Written::Stored);
                            settling.await?;
                        }
                        pass.live.push((entry.id.clone(), loaded));
                    }
                    Found::Unreadable(error) => pass.unreadable.push((entry.id.clone(), error)),
                    Found::Unclear => {}
                    Found::Gone => forgotten.push(entry),
                    Found::Ended => {
                        forgotten.push(entry);
                        pass.ended.push(entry.id.clone());
                    }
                }
            }
            self.forget(group, &forgotten).await?;
        }
        pass.live
            .sort_by_key(|(_, loaded)| loaded.record.signed_in_at());
        Ok(pass)
    }

    /// The stored session of an entry in `group`. The marks of its subject are `known`, if it has one.
    async fn find(
        &self,
        group: Group,
        entry: &Entry,
        known: Option<&Marks>,
    ) -> Result<Found, StoreError> {
        let loaded = match self.fetch(&self.redis_key(&entry.id), &entry.id).await {
            Ok(loaded) => loaded.filter(|it| group.has(&it.record)),
            Err(error)
                if matches!(
                    error.kind(),
                    StoreErrorKind::Corrupt | StoreErrorKind::Newer
                ) =>
            {
                if entry.is_displaced() || known.is_some_and(|marks| entry.has_ended(marks)) {
                    return self.end(entry).await;
                }
                return Ok(Found::Unreadable(error));
            }
            Err(error) => return Err(error),
        };
        let Some(loaded) = loaded else {
            return Ok(match entry.is_new {
                true => Found::Unclear,
                false => Found::Gone,
            });
        };
        let has_ended = match known {
            Some(marks) => marks.have_ended(&entry.id, &loaded.record),
            None => {
                let marks = self.marks_on(&loaded.record, None).await?;
                marks.have_ended(&entry.id, &loaded.record)
            }
        };
        if entry.is_displaced() || has_ended {
            return self.end(entry).await;
        }
        Ok(Found::Live(loaded))
    }

    async fn end(&self, entry: &Entry) -> Result<Found, StoreError> {
        Ok(match self.delete_record(&entry.id).await? {
            true => Found::Ended,
            // Another reader was first.
            false => Found::Gone,
        })
    }

    async fn entries(&self, group: Group) -> Result<Vec<Entry>, StoreError> {
        let entries: Vec<(String, String, bool)> = self.run(group, &ENTRIES, &[]).await?;
        let entries = entries.into_iter().map(|(id, signed_in_at, is_new)| {
            Some(Entry {
                id: id.parse().ok()?,
                signed_in_at,
                is_new,
            })
        });
        let entries = entries.collect::<Option<_>>();
        entries.ok_or_else(|| Fault::UnexpectedReply.into())
    }

    /// Removes entries, unless their sessions were added again since.
    async fn forget(&self, group: Group, entries: &[&Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let arguments = entries
            .iter()
            .flat_map(|entry| [entry.id.to_string(), entry.signed_in_at.clone()]);
        let arguments: Vec<_> = arguments.collect();
        self.run(group, &FORGET, &arguments).await
    }
}
