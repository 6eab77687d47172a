//! The rules of the contract, in the words of [`storage`](crate::storage#the-rules). Each failure of the
//! suite begins with one of them.

pub(super) const EXPIRED: &str =
    "a record whose time to live has passed is not there, for any operation";
pub(super) const TTL_ALONE: &str =
    "a record is there until its time to live has passed, whatever times it holds";
pub(super) const NEVER_OVERWRITES: &str = "`create` never overwrites";
pub(super) const ID_IS_FREE: &str = "`create` stores a record under an id that has none";
pub(super) const SWAPS: &str =
    "`update` stores only if the record still has the version that the caller expects";
pub(super) const CONFLICT: &str =
    "`update` answers Conflict only if another write changed the record";
pub(super) const ANY_VERSION: &str =
    "a version is any number, and is compared for equality with the current one only";
pub(super) const NEVER_RECREATES: &str = "`update` never brings back a record that is missing";
pub(super) const OWN_VERSION: &str = "`update` reports a record that is already at the new version as updated, and leaves it as it is";
pub(super) const MISSING: &str = "an id that was never used is missing, for every operation";
pub(super) const DELETES_BY_ID: &str = "`delete` deletes by id, whatever the version";
pub(super) const DELETES_TWICE: &str = "deleting what is not there is no error";
pub(super) const CURRENT: &str =
    "a `load` that asks for the current record sees every write that was acknowledged";
pub(super) const CACHED: &str = "a `load` never finds what was not stored under its id";
pub(super) const WHOLE: &str =
    "an operation happens as a whole or not at all, also if its future is dropped midway";
pub(super) const NOTHING_LOST: &str = "no acknowledged update is lost, however many run at once";
pub(super) const ONE_SWAP: &str = "of many updates that expect one version, exactly one is stored";
pub(super) const ONE_CREATE: &str = "of many creates under one id, exactly one is stored";
pub(super) const STAYS_DELETED: &str =
    "a deleted record never comes back, whatever updates were in flight";
pub(super) const AS_STORED: &str =
    "a record comes back as it was stored, with all its members, their order and their text";
pub(super) const HINT: &str = "the hint at a subject does not change what `load` finds";
pub(super) const APART: &str = "each id has a record of its own";
pub(super) const CORRUPT: &str = "a record that can't be decoded is an error of kind Corrupt, never \
    passed off as missing and never overwritten by `create`";
pub(super) const NEWER: &str = "a record of a later version is an error of kind Newer, never passed \
    off as missing and never overwritten by `create`";
