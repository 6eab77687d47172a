//! The sessions of each user.
//!
//! The sessions of a subject, and those with a lookup label, are a [`Group`]. Its index and its mark are under four
//! Redis keys of the same slot, which [scripts](super::script) change atomically. The index is a hint: it may name
//! sessions that have ended, so a [reading pass](reading) reads each record. It names every session of the group,
//! because a session is [stored](mod@write) only after it was added.
//!
//! Under a limit, `reserve.lua` refuses a new sign-in (`AtLimit::RefuseNew`), or `displace.lua` selects the sessions
//! that end for it (`AtLimit::EndEarliest`).
//!
//! Times to live are measured by the clock of Redis. Sign-ins and marks have the times of the application's servers.

mod group;
mod marks;
mod reading;
mod reservation;
mod sweep;
mod write;

use redis::FromRedisValue;

use self::group::Group;
use super::{
    RedisSessionStore,
    error::Fault,
    request::{Request, parse},
    script::{MARK, Script},
    slot,
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{
        EndOutcome, Kept, Loaded, MARK_LIFETIME, SessionId, SessionLimit, SignInOutcome,
        SignInWrite, StoreError, SubjectDigest, SubjectStore, timing::millis,
    },
    telemetry,
};

/// The end of the Redis keys of marks.
pub(super) const MARK_SUFFIX: &str = ":mark";

/// Whether an index has the sessions with this record.
pub(super) fn is_indexed(record: &Record) -> bool {
    record.has_subject() || record.label().is_some()
}

impl SubjectStore for RedisSessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        match write.record.has_subject() {
            true => Box::pin(self.write_indexed(write, Some(limit))).await,
            false => Err(StoreError::without_subject()),
        }
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let pass = self.read(Group::Subject(*subject)).await?;
        for (_, error) in &pass.unreadable {
            telemetry::record_omitted(error);
        }
        Ok(pass.live)
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        let pass = self.read(Group::labelled(label)).await?;
        let live = pass.live.into_iter().map(|(id, _)| id);
        let unreadable = pass.unreadable.into_iter().map(|(id, _)| id);
        Ok(live.chain(unreadable).collect())
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let group = Group::Subject(*subject);
        if let Some(kept) = kept {
            let redis_key = self.redis_key(kept.id);
            let loaded = self.load_signed_in(&redis_key, kept.id, subject).await?;
            if !loaded.is_some_and(|it| group.has(&it.record)) {
                return Ok(EndOutcome::KeptHasEnded);
            }
        }
        match self.mark(group, now, kept).await? {
            None => Ok(EndOutcome::KeptHasEnded),
            Some(at) => {
                let ids = self.read(group).await?.ended;
                Ok(EndOutcome::Ended { at, ids })
            }
        }
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        Box::pin(self.has_entry_or_mark(id, subject, since)).await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let at = self.mark_everything(now).await?;
        let newest = self.delete_all(Record::is_revocation).await?;
        // The clock of another server may be ahead.
        match newest.filter(|newest| at < *newest) {
            Some(newest) => self.mark_everything(newest).await,
            None => Ok(at),
        }
    }
}

impl RedisSessionStore {
    /// Writes the mark that ends all sessions, and returns its time.
    async fn mark_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let at = self.mark(Group::All, now, None).await?;
        at.ok_or_else(|| Fault::UnexpectedReply.into())
    }

    /// Writes the mark of a group, and returns its time. `None` if an earlier mark has ended the session that is kept.
    async fn mark(
        &self,
        group: Group,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let redis_key = self.mark_key(group);
        let near_cache = self.near_cache.as_ref();
        let _write = near_cache.map(|near_cache| near_cache.begin_write(&redis_key));
        let kept_at = kept.map_or(0, |kept| kept.signed_in_at.as_unix_millis());
        let arguments = [
            now.as_unix_millis().to_string(),
            millis(MARK_LIFETIME).to_string(),
            kept.map_or_else(String::new, |kept| kept.id.to_string()),
            kept_at.to_string(),
        ];
        let at: Option<u64> = self.run(group, &MARK, &arguments).await?;
        Ok(at.map(Timestamp::from_unix_millis))
    }

    /// Runs a script on the index of a group.
    async fn run<T: FromRedisValue>(
        &self,
        group: Group,
        script: &'static Script,
        arguments: &[String],
    ) -> Result<T, StoreError> {
        let keys = self.index_keys(group);
        let request = Request::run(script, &keys, arguments);
        // Boxed, so that the futures of operations with several steps stay small.
        let reply = Box::pin(self.connection.send(&request)).await?;
        Ok(parse(reply.value)?)
    }

    /// The Redis keys of a group: when its sessions end, when they signed in, those that may not be stored yet, and
    /// its mark.
    fn index_keys(&self, group: Group) -> [String; 4] {
        let base = self.index_key(group);
        let [sessions, sign_ins, new] =
            ["sessions", "sign-ins", "new"].map(|part| format!("{base}:{part}"));
        [sessions, sign_ins, new, format!("{base}{MARK_SUFFIX}")]
    }

    fn mark_key(&self, group: Group) -> String {
        format!("{}{MARK_SUFFIX}", self.index_key(group))
    }

    /// The common prefix of a group's Redis keys, with the braces that keep them in one slot.
    fn index_key(&self, group: Group) -> String {
        let text = group.text();
        let base = self.keys.of_index(&text);
        match slot::has_tag(base.as_bytes()) {
            true => base,
            false => format!("{base}:{{{base}}}"),
        }
    }
}
