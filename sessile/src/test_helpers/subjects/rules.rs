//! The rules of [`SubjectStore`](crate::storage::SubjectStore). Each failure of the suite begins with one of them.

pub(super) const LISTED: &str = "`list` returns the live sessions whose record names the subject, as they are stored, and no others";
pub(super) const ORDER: &str = "`list` returns the sessions in the order in which they signed in";
pub(super) const APART: &str =
    "each subject has its own sessions, whatever the bytes of its digest";
pub(super) const UNREADABLE: &str = "a session whose record can't be decoded is not in the `list` and fails none, is found by its label, and ends by a limit or by `end_subject` as the others do";
pub(super) const LABELLED: &str = "`find_by_label` returns the live sessions whose record has exactly this label, which is any text";
pub(super) const MARK_ENDS: &str = "after `end_subject` no session is alive that signed in at or before the time of the mark, for any operation";
pub(super) const MARK_REFUSES: &str = "`create`, `update` and `sign_in` refuse a record that signed in at or before the time of a mark of its subject, and store nothing";
pub(super) const MARK_TIME: &str = "the time of a mark is that of the call, of the newest sign-in in the list or of the earlier mark, whichever is the latest";
pub(super) const MARK_SPARES: &str =
    "a mark concerns neither other subjects, nor guests, nor later sign-ins";
pub(super) const KEPT: &str =
    "`end_subject` ends all sessions but the kept one, which stays until a later mark ends it";
pub(super) const KEPT_HAS_ENDED: &str = "`end_subject` does nothing if the session that it has to keep has ended or is not the subject's";
pub(super) const SIGNS_IN: &str =
    "`sign_in` stores as `create` and `update` do: never over another version or a missing record";
pub(super) const SIGN_IN_REPEATED: &str =
    "`sign_in` reports a session that is already at the new version as stored, and ends no other";
pub(super) const LIMIT_ENDS: &str = "`sign_in` at the limit ends the sessions that signed in earliest, and only as many as have to end";
pub(super) const LIMIT_REFUSES: &str =
    "`sign_in` under a limit that refuses stores nothing if the subject has as many other sessions";
pub(super) const LIMIT_COUNTS: &str =
    "a limit counts the live sessions of the subject other than the one that signs in";
pub(super) const LIMIT_EXACT: &str = "a limit holds exactly, however many sign-ins run at once";
pub(super) const NEVER_REVIVED: &str =
    "a session that `end_subject` has ended never comes back, whatever was in flight";
pub(super) const AGREE: &str =
    "`list` returns exactly the sessions that `load` finds, also if operations were dropped midway";
pub(super) const END_REPEATED: &str =
    "`end_subject` that was dropped midway can be repeated, and then all sessions have ended";
pub(super) const EVERYTHING: &str = "`end_everything` ends all sessions of users and guests, refuses the sign-ins before it, and keeps the entries of a revocation list";
pub(super) const REVOKED: &str = "`is_revoked` is true for an id with a live record, and for a session that began at or before the time of a mark of its subject or of everything";
